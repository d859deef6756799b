// Memory on cache lines.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace cnnbp {

/// While one lives, the buffers that its thread makes have a size and a place, but no memory: what a network would
/// need is found out by building it, whatever its size.
class DryRun {
 public:
  DryRun() : outer_(current) { current = this; }
  ~DryRun() { current = outer_; }
  DryRun(const DryRun&) = delete;

  std::size_t bytes() const { return bytes_; }
  static bool counts(std::size_t bytes) {
    if (current == nullptr) return false;
    current->bytes_ += bytes;
    return true;
  }

 private:
  static inline thread_local DryRun* current = nullptr;
  DryRun* outer_;
  std::size_t bytes_ = 0;
};

/// What new memory holds. Memory that is written anyway, by several threads, need not be filled by one before; it may
/// be what another call has released, of which up to 64 MB are kept.
enum class Contents { zeros, anything };

struct Allocation {
  void* memory = nullptr;
  std::size_t bytes = 0;
};

/// Memory on a cache line, as much or more. Much of it is asked for in large pages: maps' planes lie pages apart, and a
/// page table lookup for each of them costs more than the numbers.
Allocation allocate(std::size_t bytes, Contents contents);
void release(const Allocation& given, Contents contents);

/// `size` elements, aligned to 64 bytes: one lane vector, one cache line.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  /// None of no size has memory.
  explicit Buffer(std::size_t size, Contents contents = Contents::zeros) : size_(size) {
    if (size == 0) return;
    if (DryRun::counts(size * sizeof(T))) {
      alignas(64) static T nowhere{};  // not null, as null means that a delta is not wanted
      data_ = {&nowhere, Free{}};
    } else {
      const Allocation made = allocate(size * sizeof(T) + 64, contents);
      data_ = {static_cast<T*>(made.memory), Free{.bytes = made.bytes, .contents = contents}};
    }
  }

  /// Makes it at least as large; its numbers are lost then.
  void grow(std::size_t size) {
    if (size <= size_) return;
    if (size_ > 0 && DryRun::counts((size - size_) * sizeof(T))) {
      size_ = size;
      return;
    }
    *this = Buffer();  // before there is a second one
    *this = Buffer(size);
  }

  T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    std::size_t bytes = 0;  // none: it is not ours
    Contents contents = Contents::zeros;
    void operator()(T* p) const {
      if (bytes > 0) release({p, bytes}, contents);
    }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace cnnbp
