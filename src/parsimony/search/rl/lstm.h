// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

namespace parsimony::search {

// Activations of one sequence as it runs through an Lstm, kept for its backward pass. Every array
// is [layer][step][...]. Reused between sequences, so that unrolling allocates nothing.
template <typename Real>
struct LstmTape {
  int capacity = 0;          // steps the arrays have room for
  int steps = 0;             // steps taken
  std::vector<Real> inputs;  // [2 units]: the layer's input and its previous hidden output
  std::vector<Real>
      gates;  // [4 units]: input, forget, candidate, output; after their non-linearity
  std::vector<Real> cells;     // [units]
  std::vector<Real> squashed;  // [units]: tanh of the cells
  std::vector<Real> hidden;    // [units]
  std::vector<Real> d_gates;   // [4 units]: derivatives before the non-linearity
  std::vector<Real>
      d_hidden;  // [layer][units]: what the step behind adds to this step's derivatives
  std::vector<Real> d_cells;  // [layer][units]
};

// A stack of LSTM layers (Hochreiter, Schmidhuber 1997, with forget gates) whose input is as wide
// as its hidden output, unrolled step by step with batch 1, and its backward pass through time:
//
//   lstm.begin(tape, 23);
//   for (...) output = lstm.forward(weights, input, tape);             // first step first
//   for (...) lstm.backward(weights, step, d_output, d_input, tape);   // last step first
//   lstm.add_gradient(tape, gradient);
//
// The caller owns the parameters. Per layer: weights [2 units][4 units], the input's rows before
// the hidden output's, then two bias vectors [4 units], which are added (the reference framework
// has two).
template <typename Real>
class Lstm {
 public:
  Lstm(int layers, int units) : layers_(layers), units_(units) {}
  std::size_t parameter_count() const { return static_cast<std::size_t>(layers_) * layer_size(); }

  void begin(LstmTape<Real>& tape, int steps) const;
  // Takes `input` [units], returns the top layer's hidden output [units], which lives in the tape.
  const Real* forward(const Real* parameters, const Real* input, LstmTape<Real>& tape) const;
  const Real* output(const LstmTape<Real>& tape, int step) const;
  // From the derivative of the objective by the step's output to that by its input, both [units].
  void backward(const Real* parameters,
                int step,
                const Real* d_output,
                Real* d_input,
                LstmTape<Real>& tape) const;
  // Adds the derivative by the parameters, for a sequence whose steps all went backward.
  void add_gradient(const LstmTape<Real>& tape, Real* gradient) const;

 private:
  std::size_t layer_size() const { return static_cast<std::size_t>(8 * units_ * (units_ + 1)); }
  // Where step `step` of layer `layer` starts in a tape's array of `width` numbers a step.
  std::size_t at(const LstmTape<Real>& tape, int layer, int step, int width) const {
    return static_cast<std::size_t>(layer * tape.capacity + step) * static_cast<std::size_t>(width);
  }

  int layers_;
  int units_;
};

}  // namespace parsimony::search
