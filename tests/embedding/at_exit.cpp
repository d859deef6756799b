// A static object that predicts in main, and again in its destructor, when main has returned. Prints both
// predictions.
#include <cnnbp/cnnbp.hpp>
#include <cstdio>
#include <vector>

namespace {

class Service {
 public:
  ~Service() { predict(); }

  void predict() {
    float output = 0;
    net_.predict({image_.data(), 1}, {&output, 1});
    std::printf("%a\n", double(output));
  }

 private:
  cnnbp::Network<float> net_{{.input = {1, 8, 8}, .layers = {cnnbp::Linear{1}}}};
  std::vector<float> image_ = std::vector<float>(64, 0.5f);
};

Service service;

}  // namespace

int main() { service.predict(); }
