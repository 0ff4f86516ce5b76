// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/pretrained.h"

#include <cstring>

#include "parsimony/core/error.h"

namespace parsimony::network {
namespace {

constexpr const char* kFirstBlock = "encoder.features.1.conv.";

weights::Array floats(std::vector<std::int64_t> shape, const std::vector<float>& values) {
  weights::Array array;
  array.type = weights::DType::kF32;
  array.shape = std::move(shape);
  array.bytes.resize(values.size() * sizeof(float));
  std::memcpy(array.bytes.data(), values.data(), array.bytes.size());
  return array;
}

// The prefix in front of "features.0.0.weight", the stem's convolution; it identifies the encoder.
std::string find_prefix(const weights::ArrayMap& file, const std::string& source) {
  const std::string stem = "features.0.0.weight";
  for (const auto& [name, array] : file.arrays) {
    if (name.ends_with(stem)) return name.substr(0, name.size() - stem.size());
  }
  core::throw_user_error(
      "{}: holds no encoder Parsimony knows: none of its {} arrays is called '...{}' (the stem of a MobileNet-v2 in "
      "torchvision's naming)",
      source,
      file.arrays.size(),
      stem);
}

// Makes room for an expansion in front of the first block's depthwise convolution and fills it with
// the identity. Its input is already within ReLU6's range, and variance 1 - 1e-5 cancels the norm's
// epsilon.
void insert_identity_expansion(weights::ArrayMap& arrays, std::int64_t channels) {
  std::map<std::string, weights::Array> moved;
  for (auto it = arrays.arrays.begin(); it != arrays.arrays.end();) {
    if (!it->first.starts_with(kFirstBlock)) {
      ++it;
      continue;
    }
    const std::string rest = it->first.substr(std::strlen(kFirstBlock));
    const int part = rest[0] - '0';
    moved[fmt::format("{}{}{}", kFirstBlock, part + 1, rest.substr(1))] = std::move(it->second);
    it = arrays.arrays.erase(it);
  }
  arrays.arrays.merge(moved);
  const auto n = static_cast<std::size_t>(channels);
  std::vector<float> identity(n * n, 0.0F);
  for (std::size_t i = 0; i < n; ++i) identity[i * n + i] = 1.0F;
  const std::string conv = std::string(kFirstBlock) + "0.0";
  const std::string norm = std::string(kFirstBlock) + "0.1";
  arrays.arrays[conv + ".weight"] = floats({channels, channels, 1, 1}, identity);
  arrays.arrays[norm + ".weight"] = floats({channels}, std::vector<float>(n, 1.0F));
  arrays.arrays[norm + ".bias"] = floats({channels}, std::vector<float>(n, 0.0F));
  arrays.arrays[norm + ".running_mean"] = floats({channels}, std::vector<float>(n, 0.0F));
  arrays.arrays[norm + ".running_var"] =
      floats({channels}, std::vector<float>(n, 1.0F - static_cast<float>(kNormEpsilon)));
}

}  // namespace

EncoderWeights encoder_weights(const weights::ArrayMap& file,
                               const graph::EncoderOptions& encoder,
                               const std::string& source) {
  const std::string prefix = find_prefix(file, source);
  EncoderWeights result;
  for (const auto& [name, array] : file.arrays) {
    if (!name.starts_with(prefix + "features.") || name.ends_with("num_batches_tracked")) continue;
    weights::Array& own = result.arrays.arrays["encoder." + name.substr(prefix.size())] = array;
    // A fully connected layer is a 1x1 convolution in our graphs.
    if (own.shape.size() == 2) own.shape.insert(own.shape.end(), {1, 1});
  }
  if (encoder.name != "mobilenet_v2") return result;

  const auto first = result.arrays.arrays.find(std::string(kFirstBlock) + "0.0.weight");
  if (first == result.arrays.arrays.end() || first->second.shape.size() != 4) {
    core::throw_user_error(
        "{}: has no '{}features.1.conv.0.0.weight', the first block of a MobileNet-v2",
        source,
        prefix);
  }
  const bool file_expands =
      first->second.shape[1] != 1;  // a depthwise convolution has one input channel
  if (file_expands && !encoder.first_expansion) {
    core::throw_user_error(
        "{}: its first block has a 1x1 expansion; set encoder.first_expansion to true", source);
  }
  if (!file_expands && encoder.first_expansion) {
    insert_identity_expansion(result.arrays, first->second.shape[0]);
    result.note =
        "the weights have no expansion in the first block; an identity was inserted, which is exact in evaluation but "
        "normalises its input while training (set encoder.first_expansion to false to leave it out)";
  }
  return result;
}

}  // namespace parsimony::network
