// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/rl/lstm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "parsimony/core/rng.h"
#include "parsimony/search/rl/kernels.h"

namespace parsimony::search {
namespace {

std::vector<double> uniform(std::size_t count, double range, core::Rng rng) {
  std::vector<double> values(count);
  for (double& value : values) value = rng.uniform(-range, range);
  return values;
}

// The textbook equations, one scalar at a time.
std::vector<double> plain_layer(const double* weights,
                                int units,
                                const std::vector<double>& input,
                                std::vector<double>& hidden,
                                std::vector<double>& cell) {
  const double* biases = weights + 8 * units * units;
  std::vector<double> z(static_cast<std::size_t>(4 * units));
  for (int k = 0; k < 4 * units; ++k) {
    double sum = biases[k] + biases[4 * units + k];
    for (int j = 0; j < units; ++j) {
      sum += weights[j * 4 * units + k] * input[static_cast<std::size_t>(j)];
      sum += weights[(units + j) * 4 * units + k] * hidden[static_cast<std::size_t>(j)];
    }
    z[static_cast<std::size_t>(k)] = sum;
  }
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const auto u = static_cast<std::size_t>(units);
  for (std::size_t k = 0; k < u; ++k) {
    cell[k] = sigmoid(z[u + k]) * cell[k] + sigmoid(z[k]) * std::tanh(z[2 * u + k]);
    hidden[k] = sigmoid(z[3 * u + k]) * std::tanh(cell[k]);
  }
  return hidden;
}

TEST(Lstm, ParameterCountOfThePublishedController) {
  EXPECT_EQ(Lstm<float>(2, 100).parameter_count(), 161600u);
}

TEST(Lstm, AgreesWithTheTextbook) {
  constexpr int kUnits = 5, kLayers = 2, kSteps = 4;
  const Lstm<double> lstm(kLayers, kUnits);
  const auto weights = uniform(lstm.parameter_count(), 1.0, core::Rng(1));
  std::vector<std::vector<double>> hidden(kLayers, std::vector<double>(kUnits)), cell = hidden;
  LstmTape<double> tape;
  lstm.begin(tape, kSteps);
  for (int step = 0; step < kSteps; ++step) {
    const auto input = uniform(kUnits, 1.0, core::Rng(10 + static_cast<std::uint64_t>(step)));
    const double* output = lstm.forward(weights.data(), input.data(), tape);
    std::vector<double> expected = input;
    for (std::size_t layer = 0; layer < kLayers; ++layer) {
      const double* layer_weights = weights.data() + layer * weights.size() / kLayers;
      expected = plain_layer(layer_weights, kUnits, expected, hidden[layer], cell[layer]);
    }
    for (std::size_t k = 0; k < kUnits; ++k) EXPECT_NEAR(output[k], expected[k], 1e-14);
  }
}

// A loss that reads every step's output, against central differences over weights and inputs.
TEST(Lstm, GradientAgreesWithFiniteDifferences) {
  constexpr int kUnits = 3, kLayers = 2, kSteps = 5;
  const Lstm<double> lstm(kLayers, kUnits);
  auto weights = uniform(lstm.parameter_count(), 0.8, core::Rng(2));
  auto inputs = uniform(kSteps * kUnits, 1.0, core::Rng(3));
  const auto readout = uniform(kSteps * kUnits, 1.0, core::Rng(4));
  LstmTape<double> tape;
  const auto loss = [&] {
    lstm.begin(tape, kSteps);
    double sum = 0;
    for (int step = 0; step < kSteps; ++step) {
      const double* output = lstm.forward(weights.data(), inputs.data() + step * kUnits, tape);
      for (int k = 0; k < kUnits; ++k)
        sum += readout[static_cast<std::size_t>(step * kUnits + k)] * output[k];
    }
    return sum;
  };
  loss();
  std::vector<double> d_weights(weights.size()), d_inputs(inputs.size());
  for (int step = kSteps - 1; step >= 0; --step) {
    lstm.backward(weights.data(),
                  step,
                  readout.data() + step * kUnits,
                  d_inputs.data() + step * kUnits,
                  tape);
  }
  lstm.add_gradient(tape, d_weights.data());
  const auto check = [&](std::vector<double>& values, const std::vector<double>& derivatives) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double kept = values[i];
      values[i] = kept + 1e-5;
      const double above = loss();
      values[i] = kept - 1e-5;
      const double below = loss();
      values[i] = kept;
      EXPECT_NEAR(derivatives[i], (above - below) / 2e-5, 1e-8) << i;
    }
  };
  check(weights, d_weights);
  check(inputs, d_inputs);
}

TEST(Kernels, FloatAndDoubleAgreeForAnyShape) {
  for (const int rows : {1, 3, 4, 7, 23}) {
    for (const int columns : {1, 7, 8, 16, 37, 100}) {
      const auto m = uniform(static_cast<std::size_t>(rows * columns), 1.0, core::Rng(5));
      const auto x = uniform(static_cast<std::size_t>(rows + columns), 1.0, core::Rng(6));
      const std::vector<float> m_float(m.begin(), m.end()), x_float(x.begin(), x.end());
      std::vector<double> y(x.size(), 1.0);
      std::vector<float> y_float(x.size(), 1.0F);
      add_weighted_rows(x.data(), 1, m.data(), rows, columns, y.data());
      add_weighted_rows(x_float.data(), 1, m_float.data(), rows, columns, y_float.data());
      for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], y_float[i], 1e-5);
      multiply_rows(m.data(), rows, columns, x.data(), y.data());
      multiply_rows(m_float.data(), rows, columns, x_float.data(), y_float.data());
      for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], y_float[i], 1e-5);
    }
  }
}

TEST(Kernels, FloatNonLinearitiesAreAccurate) {
  for (double x = -120; x < 120; x += 0.0137) {
    auto value = static_cast<float>(x);
    const double exact = value;
    sigmoid_in_place(&value, 1);
    EXPECT_NEAR(value, 1 / (1 + std::exp(-exact)), 2e-7) << x;
    value = static_cast<float>(x);
    tanh_in_place(&value, 1);
    EXPECT_NEAR(value, std::tanh(exact), 2e-7) << x;
  }
}

}  // namespace
}  // namespace parsimony::search
