#include "lanes/buffer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

std::size_t rounded_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

#if defined(__linux__)
/// Pages of the system's own, and back to it: glibc's heap would not give them back while any younger piece is in use,
/// and kept three times the memory of the networks that a program made and destroyed one after the other.
void* ask_for_pages(std::size_t size) {
  const std::size_t mapped = size + large_page;
  void* const start = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) throw std::bad_alloc();
  auto* const first = static_cast<std::byte*>(start);
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  std::byte* const pages = first + (rounded_up(address, large_page) - address);
  if (pages > first) munmap(first, static_cast<std::size_t>(pages - first));
  munmap(pages + size, static_cast<std::size_t>(first + mapped - (pages + size)));
  return pages;
}

void give_back_pages(const Allocation& given) { munmap(given.memory, given.bytes); }
#else
void* ask_for_pages(std::size_t size) { return ::operator new(size, std::align_val_t{large_page}); }

void give_back_pages(const Allocation& given) { ::operator delete(given.memory, std::align_val_t{large_page}); }
#endif

/// Memory of the last calls, for the next one: the system clears every page that it gives, and a virtual machine's host
/// may have to find it first. With new memory in every call, functions on arrays of 8 MB took 1.2 to 5 times as long.
class Kept {
 public:
  Kept() { pieces_.reserve(most_pieces); }  // so that keeping one never fails

  /// The smallest that is large enough, or none.
  Allocation take(std::size_t bytes) {
    const std::unique_lock guard(mutex_, std::try_to_lock);  // the child of a fork may find it locked for ever
    if (!guard) return {};
    auto best = pieces_.end();
    for (auto piece = pieces_.begin(); piece != pieces_.end(); ++piece)
      if (piece->bytes >= bytes && (best == pieces_.end() || piece->bytes < best->bytes)) best = piece;
    return best == pieces_.end() ? Allocation{} : taken_out(best);
  }

  /// In the place of the oldest ones, which calls of other sizes have left, if there would be too much.
  bool keep(const Allocation& given) {
    const std::unique_lock guard(mutex_, std::try_to_lock);
    if (!guard || given.bytes > most_bytes) return false;
    while (pieces_.size() == most_pieces || bytes_ + given.bytes > most_bytes)
      give_back_pages(taken_out(pieces_.begin()));
    pieces_.push_back(given);
    bytes_ += given.bytes;
    return true;
  }

 private:
  static constexpr std::size_t most_bytes = std::size_t{64} << 20, most_pieces = 16;

  Allocation taken_out(std::vector<Allocation>::iterator piece) {
    const Allocation given = *piece;
    pieces_.erase(piece);
    bytes_ -= given.bytes;
    return given;
  }

  std::mutex mutex_;
  std::vector<Allocation> pieces_;  // the oldest first
  std::size_t bytes_ = 0;
};

Kept& kept() {
  static Kept& all = *new Kept;  // for as long as anybody may release
  return all;
}

}  // namespace

Allocation allocate(std::size_t bytes, Contents contents) {
  const bool large = bytes > large_page - line;
  const std::size_t size = rounded_up(bytes, large ? large_page : line);
  if (contents == Contents::anything && large)
    if (const Allocation given = kept().take(size); given.memory) return given;
  void* memory = large ? ask_for_pages(size) : ::operator new(size, std::align_val_t{line});
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  // A wish, which may stay one; not for the last page, of which much may be unused.
  if (large) madvise(memory, bytes / large_page * large_page, MADV_HUGEPAGE);
#endif
  if (contents == Contents::zeros) std::memset(memory, 0, bytes);  // pages come now, not within the first step
  return {memory, size};
}

void release(const Allocation& given, Contents contents) {
  if (given.bytes < large_page) ::operator delete(given.memory, std::align_val_t{line});
  else if (contents == Contents::zeros || !kept().keep(given)) give_back_pages(given);
}

}  // namespace cnnbp
