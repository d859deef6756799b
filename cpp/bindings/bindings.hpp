// The parts of the module.
#pragma once

#include <pybind11/pybind11.h>

#include <cnnbp/definition.hpp>
#include <utility>
#include <variant>

namespace cnnbp::bindings {

using Pair = std::pair<std::int64_t, std::int64_t>;
using PaddingArgument = std::variant<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>, std::string>;

inline Size2d size(const Pair& pair) { return {pair.first, pair.second}; }
Padding padding(const PaddingArgument& given);
Function function(const std::string& name);
Algorithm algorithm(const std::string& name);

/// Any layer's definition, as Python holds it.
struct AnyLayer {
  LayerDefinition definition;
};

void bind_system(pybind11::module_& module);
void bind_definitions(pybind11::module_& module);
void bind_initializers(pybind11::module_& module);
void bind_losses(pybind11::module_& module);
void bind_optimizers(pybind11::module_& module);
void bind_network(pybind11::module_& module);
void bind_functional(pybind11::module_& module);

}  // namespace cnnbp::bindings
