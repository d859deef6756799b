#include "lanes/buffer.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace cnnbp {
namespace {

constexpr std::size_t line = 64, large_page = std::size_t{2} << 20;

std::size_t alignment_of(std::size_t bytes) { return bytes >= large_page ? large_page : line; }

void give_back(const Allocation& given) {
  ::operator delete(given.memory, std::align_val_t{alignment_of(given.bytes)});
}

/// Memory of the last calls, for the next one: the system clears every page that it gives, and a virtual machine's host
/// may have to find it first. With new memory in every call, functions on arrays of 8 MB took 1.2 to 5 times as long.
class Kept {
 public:
  Kept() { pieces_.reserve(most_pieces); }  // so that keeping one never fails

  /// The smallest that is large enough, or none.
  Allocation take(std::size_t bytes) {
    const std::unique_lock guard(mutex_, std::try_to_lock);  // the child of a fork may find it locked for ever
    if (!guard) return {};
    const auto found = first_of(bytes);
    if (found == pieces_.end()) return {};
    const Allocation given = *found;
    pieces_.erase(found);
    bytes_ -= given.bytes;
    return given;
  }

  bool keep(const Allocation& given) {
    const std::unique_lock guard(mutex_, std::try_to_lock);
    if (!guard || pieces_.size() == most_pieces || bytes_ + given.bytes > most_bytes) return false;
    pieces_.insert(first_of(given.bytes), given);
    bytes_ += given.bytes;
    return true;
  }

 private:
  static constexpr std::size_t most_bytes = std::size_t{64} << 20, most_pieces = 16;

  std::vector<Allocation>::iterator first_of(std::size_t bytes) {
    return std::find_if(pieces_.begin(), pieces_.end(), [=](const Allocation& given) { return given.bytes >= bytes; });
  }

  std::mutex mutex_;
  std::vector<Allocation> pieces_;  // by size
  std::size_t bytes_ = 0;
};

Kept& kept() {
  static Kept& all = *new Kept;  // for as long as anybody may release
  return all;
}

}  // namespace

Allocation allocate(std::size_t bytes, Contents contents) {
  const std::size_t lines = (bytes + line - 1) / line * line, alignment = alignment_of(lines);
  const std::size_t size = (lines + alignment - 1) / alignment * alignment;
  if (contents == Contents::anything && size >= large_page)
    if (const Allocation given = kept().take(size); given.memory) return given;
  void* memory = ::operator new(size, std::align_val_t{alignment});
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  // A wish, which may stay one; not for the last page, of which much may be unused.
  if (alignment == large_page) madvise(memory, bytes / large_page * large_page, MADV_HUGEPAGE);
#endif
  if (contents == Contents::zeros) std::memset(memory, 0, bytes);
  return {memory, size};
}

void release(const Allocation& given, Contents contents) {
  if (contents == Contents::anything && given.bytes >= large_page && kept().keep(given)) return;
  give_back(given);
}

}  // namespace cnnbp
