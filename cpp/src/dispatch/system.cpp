#include <cnnbp/system.hpp>

#include <chrono>
#include <stdexcept>

#include "dispatch/dispatch.hpp"
#include "threads/team.hpp"

namespace cnnbp {

std::string version() { return CNNBP_VERSION; }

double fma_peak(double seconds) {
  if (!(seconds >= 0.001 && seconds <= 60.0))
    throw std::invalid_argument("seconds is " + std::to_string(seconds) + ", expected 0.001 to 60");
  using Clock = std::chrono::steady_clock;
  constexpr Index iterations = 100'000;  // about 0.2 ms, so that the clock is read rarely
  const Index threads = num_threads();
  std::vector<double> rates(static_cast<std::size_t>(threads));
  const Schedule schedule{{Loop{threads, [&](Index task, std::byte*) {
                                  double done = 0.0, passed = 0.0;
                                  float unused[1];
                                  for (const auto start = Clock::now(); passed < seconds;
                                       passed = std::chrono::duration<double>(Clock::now() - start).count())
                                    done += kernels().of<float>().multiply_adds(iterations, unused);
                                  rates[static_cast<std::size_t>(task)] = 2.0 * done / passed;
                                }}}};
  run({&schedule});
  double total = 0.0;
  for (const double rate : rates) total += rate;
  return total / 1e9;
}

}  // namespace cnnbp
