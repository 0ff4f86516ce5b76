// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace parsimony::search {

// The few dense loops that training a controller spends its time in. Matrices are row-major.
//
// The float versions are compiled for several vector widths, and the widest the machine has is
// chosen when the program starts. Each adds in one fixed order whatever the width, so results do
// not depend on the machine. The double versions are for gradient checks and are not tuned.

// y[c] += sum over r of x[r * x_stride] * m[r][c]. With m as activations over time this is also a
// row of a weight gradient.
void add_weighted_rows(
    const float* x, int x_stride, const float* m, int rows, int columns, float* y);
void add_weighted_rows(
    const double* x, int x_stride, const double* m, int rows, int columns, double* y);

// y[r] = sum over c of m[r][c] * x[c].
void multiply_rows(const float* m, int rows, int columns, const float* x, float* y);
void multiply_rows(const double* m, int rows, int columns, const double* x, double* y);

// The float versions are accurate to 2e-7, absolutely.
void sigmoid_in_place(float* values, int count);
void sigmoid_in_place(double* values, int count);
void tanh_in_place(float* values, int count);
void tanh_in_place(double* values, int count);

// Adam's constants for one step (search/rl/adam.h), bias corrections included.
struct AdamStep {
  float beta1, beta2;
  float scale;       // multiplies the gradient: gradient clipping
  float rate;        // learning rate / (1 - beta1^t)
  float root_scale;  // 1 / sqrt(1 - beta2^t)
  float epsilon;
};
// One ascent step on `count` parameters; `gradient` may be null, which stands for zeros.
void adam_step(const AdamStep& step,
               const float* gradient,
               long count,
               float* parameters,
               float* first_moment,
               float* second_moment);

}  // namespace parsimony::search
