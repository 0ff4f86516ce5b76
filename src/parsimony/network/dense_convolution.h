// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "parsimony/network/feature_map.h"
#include "parsimony/network/simd/loops.h"
#include "parsimony/network/tensor.h"

namespace parsimony::network {

// Dense (ungrouped) convolution of channels-last fp32 pictures on a CPU with zero padding, computed
// with the matrix products of simd::Loops. Two algorithms:
//   direct    one product per kernel tap over the outputs for which the tap lies inside the
//             picture, so that large dilations on small maps cost only what they touch;
//   Winograd  F(4x4, 3x3) for 3x3 kernels of stride 1 and "same" padding. A dilated kernel works
//             on the dilation^2 interleaved pictures that it does not connect.
// Results do not depend on the number of threads.
class DenseConvolution {
 public:
  // x [N, in, H, W], weight [out, in, k, k].
  DenseConvolution(at::IntArrayRef x,
                   at::IntArrayRef weight,
                   std::int64_t stride,
                   std::int64_t padding,
                   std::int64_t dilation,
                   const simd::Loops& loops = simd::loops());

  // Whether input_gradient() can be used: stride 1 and no more padding than the kernel's reach.
  bool has_input_gradient() const;

  // Maps are channels-last; the activation of x is done while it is read.
  Tensor forward(const FeatureMap& x,
                 const Tensor& weight,
                 const Tensor& bias) const;  // bias may be undefined
  Tensor input_gradient(const Tensor& y_gradient, const Tensor& weight) const;
  Tensor weight_gradient(const FeatureMap& x, const Tensor& y_gradient) const;

  enum class Algorithm { kDirect, kWinograd };
  Algorithm algorithm() const { return algorithm_; }
  void use(Algorithm algorithm) { algorithm_ = algorithm; }  // for tests and benchmarks
  bool suits_winograd() const;

 private:
  struct Tile;
  class PictureWindow;

  Tensor direct(const FeatureMap& x, const Tensor& weight, const Tensor& bias) const;
  Tensor direct_weight_gradient(const FeatureMap& x, const Tensor& y_gradient) const;
  Tensor winograd(const FeatureMap& x, const Tensor& weight, const Tensor& bias) const;
  Tensor winograd_weight_gradient(const FeatureMap& x, const Tensor& y_gradient) const;

  // Calls body(tap, first output, outputs, first input of those) for runs of outputs that one tap
  // reads in a row.
  template <typename Body>
  void for_taps(Body body) const;
  // The same for one picture of x; body gets a pointer to the inputs.
  template <typename Body>
  void for_taps(const PixelReader& reader, std::int64_t picture, Body body) const;
  std::int64_t direct_products() const;
  std::int64_t tiles_per_picture() const;
  Tile tile(std::int64_t index) const;

  std::int64_t batch_, in_, height_, width_, out_, kernel_, stride_, padding_, dilation_;
  std::int64_t out_height_, out_width_;
  const simd::Loops& loops_;
  Algorithm algorithm_ = Algorithm::kDirect;
};

}  // namespace parsimony::network
