// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/rl/lstm.h"

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/search/rl/kernels.h"

namespace parsimony::search {

template <typename Real>
void Lstm<Real>::begin(LstmTape<Real>& tape, int steps) const {
  tape.capacity = steps;
  tape.steps = 0;
  const std::size_t cells = at(tape, layers_, 0, units_);
  for (auto* array : {&tape.cells, &tape.squashed, &tape.hidden}) array->resize(cells);
  tape.inputs.resize(2 * cells);
  tape.gates.resize(4 * cells);
  tape.d_gates.resize(4 * cells);
  tape.d_hidden.assign(static_cast<std::size_t>(layers_ * units_), 0);
  tape.d_cells.assign(static_cast<std::size_t>(layers_ * units_), 0);
}

template <typename Real>
const Real* Lstm<Real>::output(const LstmTape<Real>& tape, int step) const {
  return tape.hidden.data() + at(tape, layers_ - 1, step, units_);
}

template <typename Real>
const Real* Lstm<Real>::forward(const Real* parameters,
                                const Real* input,
                                LstmTape<Real>& tape) const {
  core::require(tape.steps < tape.capacity, "LSTM tape holds {} steps only", tape.capacity);
  const int h = units_;
  const int step = tape.steps++;
  for (int layer = 0; layer < layers_; ++layer, parameters += layer_size()) {
    Real* inputs = tape.inputs.data() + at(tape, layer, step, 2 * h);
    Real* gates = tape.gates.data() + at(tape, layer, step, 4 * h);
    Real* cells = tape.cells.data() + at(tape, layer, step, h);
    Real* squashed = tape.squashed.data() + at(tape, layer, step, h);
    Real* hidden = tape.hidden.data() + at(tape, layer, step, h);
    std::copy_n(input, h, inputs);
    if (step == 0) {
      std::fill_n(inputs + h, h, Real(0));
    } else {
      std::copy_n(hidden - h, h, inputs + h);
    }

    const Real* bias = parameters + 8 * h * h;
    for (int i = 0; i < 4 * h; ++i) gates[i] = bias[i] + bias[4 * h + i];
    add_weighted_rows(inputs, 1, parameters, 2 * h, 4 * h, gates);
    sigmoid_in_place(gates, 2 * h);
    tanh_in_place(gates + 2 * h, h);
    sigmoid_in_place(gates + 3 * h, h);

    for (int i = 0; i < h; ++i) {
      const Real previous = step == 0 ? Real(0) : cells[i - h];
      cells[i] = gates[h + i] * previous + gates[i] * gates[2 * h + i];
    }
    std::copy_n(cells, h, squashed);
    tanh_in_place(squashed, h);
    for (int i = 0; i < h; ++i) hidden[i] = gates[3 * h + i] * squashed[i];
    input = hidden;
  }
  return input;
}

template <typename Real>
void Lstm<Real>::backward(const Real* parameters,
                          int step,
                          const Real* d_output,
                          Real* d_input,
                          LstmTape<Real>& tape) const {
  const int h = units_;
  std::vector<Real> from_above(d_output, d_output + h);  // derivative by this layer's hidden output
  std::vector<Real> d_inputs(static_cast<std::size_t>(2 * h));
  for (int layer = layers_ - 1; layer >= 0; --layer) {
    const Real* gates = tape.gates.data() + at(tape, layer, step, 4 * h);
    const Real* cells = tape.cells.data() + at(tape, layer, step, h);
    const Real* squashed = tape.squashed.data() + at(tape, layer, step, h);
    Real* d_gates = tape.d_gates.data() + at(tape, layer, step, 4 * h);
    Real* d_hidden = tape.d_hidden.data() + layer * h;
    Real* d_cells = tape.d_cells.data() + layer * h;
    for (int i = 0; i < h; ++i) {
      const Real in = gates[i], forget = gates[h + i], candidate = gates[2 * h + i],
                 out = gates[3 * h + i];
      const Real previous = step == 0 ? Real(0) : cells[i - h];
      const Real d_h = from_above[static_cast<std::size_t>(i)] + d_hidden[i];
      const Real d_c = d_cells[i] + d_h * out * (1 - squashed[i] * squashed[i]);
      d_gates[i] = d_c * candidate * in * (1 - in);
      d_gates[h + i] = d_c * previous * forget * (1 - forget);
      d_gates[2 * h + i] = d_c * in * (1 - candidate * candidate);
      d_gates[3 * h + i] = d_h * squashed[i] * out * (1 - out);
      d_cells[i] = d_c * forget;
    }
    const Real* weights = parameters + static_cast<std::size_t>(layer) * layer_size();
    multiply_rows(weights, 2 * h, 4 * h, d_gates, d_inputs.data());
    std::copy_n(d_inputs.data(), h, from_above.data());
    std::copy_n(d_inputs.data() + h, h, d_hidden);
  }
  std::copy_n(from_above.data(), h, d_input);
}

template <typename Real>
void Lstm<Real>::add_gradient(const LstmTape<Real>& tape, Real* gradient) const {
  const int h = units_;
  for (int layer = 0; layer < layers_; ++layer, gradient += layer_size()) {
    const Real* inputs = tape.inputs.data() + at(tape, layer, 0, 2 * h);
    const Real* d_gates = tape.d_gates.data() + at(tape, layer, 0, 4 * h);
    for (int row = 0; row < 2 * h; ++row) {
      add_weighted_rows(inputs + row, 2 * h, d_gates, tape.steps, 4 * h, gradient + row * 4 * h);
    }
    const Real one = 1;
    for (Real* bias : {gradient + 8 * h * h, gradient + 8 * h * h + 4 * h}) {
      add_weighted_rows(&one, 0, d_gates, tape.steps, 4 * h, bias);
    }
  }
}

template class Lstm<float>;
template class Lstm<double>;

}  // namespace parsimony::search
