#include "threads/team.hpp"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cnnbp/system.hpp>
#include <stdexcept>
#include <string>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "lanes/buffer.hpp"

namespace cnnbp {
namespace {

std::atomic<int> chosen_threads{0};
std::atomic<bool> forked{false};
std::atomic<bool> started{false};

/// Denormals slow a multiply-add a hundredfold and say nothing in training.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(masked_to_nearest | flush); }
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  static constexpr unsigned masked_to_nearest = 0x1f80;  // no exceptions, round to nearest
  static constexpr unsigned flush = 0x8040;              // results and operands
  unsigned saved_;
#endif
};

/// The GNU runtime's threads do not survive a fork, and the child would wait for them for ever.
void watch_forks() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forked = started.load(); });
  (void)registered;
}

}  // namespace

int num_threads() {
  const int chosen = chosen_threads;
  return chosen > 0 ? chosen : std::max(1, omp_get_max_threads());
}

void set_num_threads(long long threads) {
  constexpr long long most = 1024;  // more than any machine this is meant for; OpenMP aborts on absurd numbers
  if (threads < 1 || threads > most)
    throw std::invalid_argument("threads is " + std::to_string(threads) + ", expected 1 to " +
                                std::to_string(most));
  chosen_threads = static_cast<int>(threads);
}

void run(std::initializer_list<const Schedule*> schedules) {
  watch_forks();
  std::vector<const Phase*> phases;
  std::vector<std::ptrdiff_t> tasks;
  std::size_t scratch_bytes = 0;
  std::ptrdiff_t most = 0;
  for (const Schedule* schedule : schedules)
    for (const Phase& phase : *schedule) {
      std::ptrdiff_t total = 0;
      for (const Loop& loop : phase) {
        total += loop.tasks;
        scratch_bytes = std::max(scratch_bytes, loop.scratch_bytes);
      }
      phases.push_back(&phase);
      tasks.push_back(total);
      most = std::max(most, total);
    }
  const int threads = forked ? 1 : static_cast<int>(std::clamp<std::ptrdiff_t>(most, 1, num_threads()));
  if (threads > 1) started = true;
  scratch_bytes = (scratch_bytes + 63) / 64 * 64;
  const std::size_t all_scratch = scratch_bytes * static_cast<std::size_t>(threads);
  static thread_local Buffer<std::byte> scratch;  // kept by the calling thread, for its next step
  if (scratch.size() < all_scratch) scratch = Buffer<std::byte>(all_scratch);
  std::byte* const base = scratch.data();

#pragma omp parallel num_threads(threads)
  {
    const FlushDenormals guard;
    std::byte* own = base + scratch_bytes * static_cast<std::size_t>(omp_get_thread_num());
    for (std::size_t p = 0; p < phases.size(); ++p) {
#pragma omp for schedule(dynamic, 1)
      for (std::ptrdiff_t task = 0; task < tasks[p]; ++task) {
        std::ptrdiff_t rest = task;
        const Loop* loop = phases[p]->data();
        for (; rest >= loop->tasks; ++loop) rest -= loop->tasks;
        loop->run(rest, own);
      }
    }
  }
}

}  // namespace cnnbp
