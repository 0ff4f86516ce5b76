// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/rl/adam.h"

#include <algorithm>
#include <cmath>

#include "parsimony/search/rl/kernels.h"

namespace parsimony::search {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;

double norm(std::span<const float> values) {
  constexpr std::size_t kChunk = 1024;  // short sums in float, their total in double
  double sum = 0;
  for (; !values.empty(); values = values.subspan(std::min(kChunk, values.size()))) {
    const auto chunk = values.first(std::min(kChunk, values.size()));
    float squares = 0;
    multiply_rows(chunk.data(), 1, static_cast<int>(chunk.size()), chunk.data(), &squares);
    sum += squares;
  }
  return std::sqrt(sum);
}

}  // namespace

Adam::Adam(std::size_t parameter_count)
    : first_moment_(parameter_count), second_moment_(parameter_count) {}

double Adam::ascend(std::span<float> parameters,
                    std::span<const float> gradient,
                    double learning_rate,
                    double norm_limit) {
  core::require(gradient.size() == first_moment_.size(), "gradient of {} numbers", gradient.size());
  const double length = norm(gradient);
  // The reference framework's clipping, 1e-6 included.
  step(parameters, gradient.data(), std::min(1.0, norm_limit / (length + 1e-6)), learning_rate);
  return length;
}

void Adam::ascend_without_gradient(std::span<float> parameters, double learning_rate) {
  step(parameters, nullptr, 1.0, learning_rate);
}

void Adam::step(std::span<float> parameters,
                const float* gradient,
                double scale,
                double learning_rate) {
  core::require(parameters.size() == first_moment_.size(), "{} parameters", parameters.size());
  ++steps_;
  const auto t = static_cast<double>(steps_);
  const AdamStep constants{
      .beta1 = static_cast<float>(kBeta1),
      .beta2 = static_cast<float>(kBeta2),
      .scale = static_cast<float>(scale),
      .rate = static_cast<float>(learning_rate / (1 - std::pow(kBeta1, t))),
      .root_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(kBeta2, t))),
      .epsilon = static_cast<float>(kEpsilon),
  };
  adam_step(constants,
            gradient,
            static_cast<long>(parameters.size()),
            parameters.data(),
            first_moment_.data(),
            second_moment_.data());
}

void Adam::save(StateWriter& writer) const {
  writer.integer(steps_);
  writer.floats(first_moment_);
  writer.floats(second_moment_);
}

void Adam::load(StateReader& reader) {
  steps_ = reader.integer();
  reader.floats(first_moment_);
  reader.floats(second_moment_);
}

}  // namespace parsimony::search
