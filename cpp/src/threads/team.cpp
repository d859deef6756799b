#include "threads/team.hpp"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cnnbp/system.hpp>
#include <cstdint>
#include <list>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

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

/// A thread's tasks of a loop, which it takes from the front. When a thread has none left it takes those of others,
/// from the back.
class alignas(64) Share {  // a cache line for each: two threads seldom meet in one
 public:
  void lay_out(std::ptrdiff_t first, std::ptrdiff_t end) {
    first_ = first;
    size_ = end - first;
    taken_.store(0, std::memory_order_relaxed);
  }

  /// The number of a task that nobody has taken, or −1.
  std::ptrdiff_t take(bool own) {
    if (left(taken_.load(std::memory_order_relaxed)) <= 0) return -1;
    const std::uint64_t before = taken_.fetch_add(own ? from_front : from_back, std::memory_order_relaxed);
    if (left(before) <= 0) return -1;
    return first_ + (own ? front(before) : size_ - 1 - back(before));
  }

 private:
  static constexpr std::uint64_t from_front = 1, from_back = std::uint64_t{1} << 32;
  static std::ptrdiff_t front(std::uint64_t taken) { return static_cast<std::uint32_t>(taken); }
  static std::ptrdiff_t back(std::uint64_t taken) { return static_cast<std::ptrdiff_t>(taken >> 32); }
  std::ptrdiff_t left(std::uint64_t taken) const { return size_ - front(taken) - back(taken); }

  std::ptrdiff_t first_ = 0, size_ = 0;
  std::atomic<std::uint64_t> taken_{0};
};

/// Looks often at first, then lets other programs have the processor.
void wait_for(const std::atomic<std::ptrdiff_t>& count, std::ptrdiff_t wanted) {
  constexpr int patience = 1000;  // about 40 µs
  for (int looks = 0; count.load(std::memory_order_acquire) < wanted; ++looks)
    if (looks < patience) pause_briefly();
    else std::this_thread::yield();
}

/// A phase under way: threads take its tasks one by one, and go on when all tasks are done. They wait for tasks, not
/// for each other: on a busy machine a thread that the system has put aside holds nobody up unless it holds a task.
///
/// Loops over blocks of samples number their tasks by them, so a thread that has the same part of every loop finds in
/// its own caches what it wrote in the phase before. Steps of LeNet and the toolbox's network take a tenth less by it.
struct Work {
  const Phase* loops;
  std::ptrdiff_t tasks;
  Share* shares = nullptr;  // [loop][thread]
  std::atomic<std::ptrdiff_t> done{0};

  Work(const Phase* p, std::ptrdiff_t n) : loops(p), tasks(n) {}

  /// What comes behind the shares.
  Share* lay_out(Share* first, std::ptrdiff_t threads) {
    shares = first;
    for (const Loop& loop : *loops)
      for (std::ptrdiff_t thread = 0; thread < threads; ++thread)
        first++->lay_out(loop.tasks * thread / threads, loop.tasks * (thread + 1) / threads);
    return first;
  }

  /// The number of tasks done.
  std::ptrdiff_t run_share(std::ptrdiff_t owner, bool own, std::ptrdiff_t threads, std::byte* scratch) {
    std::ptrdiff_t count = 0;
    Share* share = shares + owner;
    for (const Loop& loop : *loops) {
      for (std::ptrdiff_t task = share->take(own); task >= 0; task = share->take(own), ++count) loop.run(task, scratch);
      share += threads;
    }
    return count;
  }

  void take_part(std::ptrdiff_t thread, std::ptrdiff_t threads, std::byte* scratch) {
    std::ptrdiff_t count = run_share(thread, true, threads, scratch);
    for (std::ptrdiff_t i = 1; i < threads; ++i) count += run_share((thread + i) % threads, false, threads, scratch);
    done.fetch_add(count, std::memory_order_acq_rel);
    wait_for(done, tasks);
  }
};

/// The thread's own desk is no more: destructors of static objects, which may predict, come after those of the main
/// thread's variables. It has no destructor, so it may be read then.
thread_local bool desk_is_gone = false;

/// What one call of `run` lays out for its threads. Kept by the calling thread, so that a step that has run once
/// asks for no memory.
struct Desk {
  std::pmr::unsynchronized_pool_resource memory;
  std::pmr::list<Work> works{&memory};
  std::ptrdiff_t most_tasks = 0;
  std::size_t loops = 0;
  std::size_t scratch_bytes = 0;
  std::vector<Share> shares;
  Buffer<std::byte> scratch;

  ~Desk() { desk_is_gone = true; }

  void lay_out(std::initializer_list<const Schedule*> schedules) {
    works.clear();
    most_tasks = 0;
    loops = 0;
    scratch_bytes = 0;
    for (const Schedule* schedule : schedules)
      for (const Phase& phase : *schedule) {
        std::ptrdiff_t tasks = 0;
        for (const Loop& loop : phase) {
          tasks += loop.tasks;
          scratch_bytes = std::max(scratch_bytes, loop.scratch_bytes);
        }
        if (tasks > 0) {
          works.emplace_back(&phase, tasks);
          loops += phase.size();
        }
        most_tasks = std::max(most_tasks, tasks);
      }
    scratch_bytes = (scratch_bytes + 63) / 64 * 64;
  }

  void provide(std::size_t threads) {
    if (scratch.size() < scratch_bytes * threads) scratch = Buffer<std::byte>(scratch_bytes * threads);
    if (shares.size() < loops * threads) shares = std::vector<Share>(loops * threads);
    Share* next = shares.data();
    for (Work& work : works) next = work.lay_out(next, static_cast<std::ptrdiff_t>(threads));
  }
};

/// On a desk that no other call uses.
void run_at(Desk& desk, std::initializer_list<const Schedule*> schedules, double work) {
  desk.lay_out(schedules);
  const auto wanted = std::clamp<std::ptrdiff_t>(desk.most_tasks, 1, num_threads());
  const int threads = forked || work < least_shared_work ? 1 : static_cast<int>(wanted);
  if (threads > 1) started = true;
  desk.provide(static_cast<std::size_t>(threads));

  std::atomic<std::ptrdiff_t> leaving{0};
#pragma omp parallel num_threads(threads)
  {
    const FlushDenormals guard;
    const int thread = omp_get_thread_num();
    std::byte* own = desk.scratch.data() + desk.scratch_bytes * static_cast<std::size_t>(thread);
    for (Work& phase : desk.works) phase.take_part(thread, threads, own);
    // The region ends with a barrier of GNU's runtime, which looks for others longer than a turn of the system's lasts:
    // of two programs on two cores, each looked while its own thread waited for the other program to have looked
    // enough, and steps of 0.3 ms took 8 ms instead of 0.6. So the caller comes there last.
    if (thread > 0) leaving.fetch_add(1, std::memory_order_release);
    else wait_for(leaving, omp_get_num_threads() - 1);
  }
}

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
  if (desk_is_gone) {
    Desk desk;
    return run_at(desk, schedules, work);
  }
  static thread_local Desk desk;
  run_at(desk, schedules, work);
}

}  // namespace cnnbp
