/// cnnbp: convolutional networks on a CPU.
#pragma once

#include <cnnbp/definition.hpp>
#include <cnnbp/functional.hpp>
#include <cnnbp/initializer.hpp>
#include <cnnbp/loss.hpp>
#include <cnnbp/network.hpp>
#include <cnnbp/optimizer.hpp>
#include <cnnbp/random.hpp>
#include <cnnbp/system.hpp>
#include <cnnbp/timing.hpp>
