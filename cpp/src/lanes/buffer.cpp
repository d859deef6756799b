#include "lanes/buffer.hpp"

#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace cnnbp {
namespace {

constexpr std::size_t line = 64, large_page = std::size_t{2} << 20;

std::size_t alignment_of(std::size_t bytes) { return bytes >= large_page ? large_page : line; }

}  // namespace

void* allocate(std::size_t bytes, Contents contents) {
  const std::size_t alignment = alignment_of(bytes), size = (bytes + alignment - 1) / alignment * alignment;
  void* memory = ::operator new(size, std::align_val_t{alignment});
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  // A wish, which may stay one; not for the last page, of which much may be unused.
  if (alignment == large_page) madvise(memory, bytes / large_page * large_page, MADV_HUGEPAGE);
#endif
  if (contents == Contents::zeros) std::memset(memory, 0, bytes);
  return memory;
}

void release(void* memory, std::size_t bytes) { ::operator delete(memory, std::align_val_t{alignment_of(bytes)}); }

}  // namespace cnnbp
