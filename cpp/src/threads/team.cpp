#include "threads/team.hpp"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cnnbp/system.hpp>
#include <list>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <thread>

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

/// Multiply-adds below which waking a second thread costs more than it helps: about 10 µs of one core.
constexpr double least_shared_work = 5e5;

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

/// A phase under way: threads take its tasks one by one, and go on when all tasks are done. They wait for tasks, not
/// for each other: on a busy machine a thread that the system has put aside holds nobody up unless it holds a task.
struct Work {
  const Phase* loops;
  std::ptrdiff_t tasks;
  std::atomic<std::ptrdiff_t> next{0}, done{0};

  Work(const Phase* p, std::ptrdiff_t n) : loops(p), tasks(n) {}

  void take_part(std::byte* scratch) {
    for (std::ptrdiff_t task = next++; task < tasks; task = next++) {
      std::ptrdiff_t rest = task;
      const Loop* loop = loops->data();
      for (; rest >= loop->tasks; ++loop) rest -= loop->tasks;
      loop->run(rest, scratch);
      done.fetch_add(1, std::memory_order_acq_rel);
    }
    constexpr int patience = 1000;  // about 40 µs, then another program may have the processor
    for (int looks = 0; done.load(std::memory_order_acquire) < tasks; ++looks)
      if (looks < patience) pause_briefly();
      else std::this_thread::yield();
  }
};

/// What one call of `run` lays out for its threads. Kept by the calling thread, so that a step that has run once
/// asks for no memory.
struct Desk {
  std::pmr::unsynchronized_pool_resource memory;
  std::pmr::list<Work> works{&memory};
  std::ptrdiff_t most_tasks = 0;
  std::size_t scratch_bytes = 0;
  Buffer<std::byte> scratch;

  void lay_out(std::initializer_list<const Schedule*> schedules) {
    works.clear();
    most_tasks = 0;
    scratch_bytes = 0;
    for (const Schedule* schedule : schedules)
      for (const Phase& phase : *schedule) {
        std::ptrdiff_t tasks = 0;
        for (const Loop& loop : phase) {
          tasks += loop.tasks;
          scratch_bytes = std::max(scratch_bytes, loop.scratch_bytes);
        }
        if (tasks > 0) works.emplace_back(&phase, tasks);
        most_tasks = std::max(most_tasks, tasks);
      }
    scratch_bytes = (scratch_bytes + 63) / 64 * 64;
  }

  void provide_scratch(std::size_t threads) {
    if (scratch.size() < scratch_bytes * threads) scratch = Buffer<std::byte>(scratch_bytes * threads);
  }
};

}  // namespace

int num_threads() {
  const int chosen = chosen_threads;
  return chosen > 0 ? chosen : std::max(1, omp_get_max_threads());
}

void set_num_threads(long long threads) {
  constexpr long long most = 1024;  // more than any machine this is meant for; OpenMP aborts on absurd numbers
  if (threads < 1 || threads > most)
    throw std::invalid_argument("threads is " + std::to_string(threads) + ", expected 1 to " + std::to_string(most));
  chosen_threads = static_cast<int>(threads);
}

void run(std::initializer_list<const Schedule*> schedules, double work) {
  watch_forks();
  static thread_local Desk desk;
  desk.lay_out(schedules);
  const auto wanted = std::clamp<std::ptrdiff_t>(desk.most_tasks, 1, num_threads());
  const int threads = forked || work < least_shared_work ? 1 : static_cast<int>(wanted);
  if (threads > 1) started = true;
  desk.provide_scratch(static_cast<std::size_t>(threads));

  Desk& shared = desk;  // the workers' own thread_local would be another
#pragma omp parallel num_threads(threads)
  {
    const FlushDenormals guard;
    std::byte* own = shared.scratch.data() + shared.scratch_bytes * static_cast<std::size_t>(omp_get_thread_num());
    for (Work& phase : shared.works) phase.take_part(own);
  }
}

}  // namespace cnnbp
