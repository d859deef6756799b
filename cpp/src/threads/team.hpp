// The one door to threads: everything that runs in parallel runs as a schedule.
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <vector>

namespace cnnbp {

/// Tasks that may run in any order and at once, each the only writer of what it writes. Their number follows
/// from shapes, never from the number of threads; they do not throw.
struct Loop {
  std::ptrdiff_t tasks = 0;
  std::function<void(std::ptrdiff_t task, std::byte* scratch)> run;
  std::size_t scratch_bytes = 0;  // what one task needs for itself, aligned to 64
};

/// Loops without an order among them.
using Phase = std::vector<Loop>;

/// Phases one after the other.
using Schedule = std::vector<Phase>;

/// Runs the schedules in order, in one parallel region. On x86-64 denormals are zero inside, and rounding is to
/// nearest, whatever the caller has set; the caller's setting is back when the call returns. On others nothing is
/// set. A child process that was forked after the first region runs alone, as it has none of the threads. `work`, in
/// multiply-adds, tells what is too little for more than one thread.
void run(std::initializer_list<const Schedule*> schedules, double work = 1e9);

}  // namespace cnnbp
