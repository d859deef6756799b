// Memory on cache lines.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
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

/// `size` elements, all zero, aligned to 64 bytes: one lane vector, one cache line.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) : size_(size) {
    if (DryRun::counts(size * sizeof(T))) {
      alignas(64) static T nowhere{};  // not null, as null means that a delta is not wanted
      data_ = {&nowhere, Free{.owned = false}};
    } else {
      data_.reset(static_cast<T*>(::operator new(size * sizeof(T) + 64, std::align_val_t{64})));
      std::memset(static_cast<void*>(data_.get()), 0, size * sizeof(T));
    }
  }

  T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    bool owned = true;
    void operator()(T* p) const {
      if (owned) ::operator delete(p, std::align_val_t{64});
    }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace cnnbp
