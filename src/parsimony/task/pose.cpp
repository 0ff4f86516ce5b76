// SPDX-License-Identifier: Apache-2.0
#include "parsimony/task/pose.h"

#include <algorithm>
#include <numbers>
#include <numeric>

#include "parsimony/core/error.h"

namespace parsimony::task {
namespace {

constexpr double kHeadTolerance = 0.5;  // of PCKh (Andriluka et al., CVPR 2014)

// exp(-(cell - centre)^2 / (2 sigma^2)) of each cell of a side: [N, J, cells]. `positions` [N, J]
// are in pixels of a side of `pixels`.
Tensor bells(const Tensor& positions, double pixels, std::int64_t cells, double sigma) {
  const double scale = static_cast<double>(cells) / pixels;
  const Tensor centres = (positions + 0.5) * scale - 0.5;
  const Tensor distances = at::arange(cells, positions.options()) - centres.unsqueeze(-1);
  return (distances.square() * (-0.5 / (sigma * sigma))).exp();
}

class PoseMeasurement final : public Measurement {
 public:
  PoseMeasurement(const data::Skeleton& skeleton, const PoseOptions& options)
      : errors_(skeleton),
        joints_(static_cast<int>(skeleton.joints.size())),
        scale_(skeleton.torso ? metric::PoseScale::kTorso : metric::PoseScale::kHead),
        options_(options) {}

  void add(const Tensor& output, const Labels& labels) override {
    const Tensor maps = output.to(at::kCPU, at::kFloat);
    for (std::int64_t n = 0; n < maps.size(0); ++n)
      errors_.add(pose_of(labels, n), found_joints(maps[n], labels.height, labels.width));
  }

  void add(const Prediction& prediction, const data::Sample& truth) override {
    errors_.add(truth.pose.value(), prediction.joints);
  }

  objective::Scores scores() const override {
    objective::Scores scores;
    const auto set = [&](const char* name, std::optional<double> value) {
      if (value) scores[name] = *value;
    };
    set("pck", errors_.pck(options_.tolerance, scale_));
    set("pckh", errors_.pck(kHeadTolerance, metric::PoseScale::kHead));
    set("oks_ap", errors_.average_precision());
    if (!scores.contains("pck")) {
      core::throw_user_error(
          "no pose of the {} measured can be scored: none has a labelled {} and another joint; run "
          "'parsimony check' on the data set",
          errors_.people(),
          scale_ == metric::PoseScale::kTorso ? "torso (left shoulder and right hip)" : "head");
    }
    double sum = 0;
    constexpr int kTolerances = 10;
    for (int i = 1; i <= kTolerances; ++i) sum += *errors_.pck(0.05 * i, scale_);
    scores["reward"] = sum / kTolerances;
    return scores;
  }

  Details details() const override {
    Details details;
    for (int joint = 0; joint < joints_; ++joint)
      details["pck_of_joints"].push_back(errors_.pck(joint, options_.tolerance, scale_));
    return details;
  }

 private:
  metric::PoseErrors errors_;
  int joints_;
  metric::PoseScale scale_;
  PoseOptions options_;
};

}  // namespace

void PoseOptions::visit(core::FieldVisitor& v) {
  v.field("spread",
          spread,
          {"standard deviation of a joint's Gaussian, share of the picture's shorter side",
           0.001,
           0.5});
  v.field("tolerance", tolerance, {"of the score pck, in torsos", 0.01, 2});
}

HeatMaps heat_maps(const Labels& labels, std::int64_t height, std::int64_t width, double spread) {
  const double sigma = spread * static_cast<double>(std::min(labels.height, labels.width));
  const double sigma_x = sigma * static_cast<double>(width) / static_cast<double>(labels.width);
  const double sigma_y = sigma * static_cast<double>(height) / static_cast<double>(labels.height);
  const Tensor x =
      bells(labels.joints.select(2, 0), static_cast<double>(labels.width), width, sigma_x);
  const Tensor y =
      bells(labels.joints.select(2, 1), static_cast<double>(labels.height), height, sigma_y);
  return {.maps = y.unsqueeze(3) * x.unsqueeze(2),
          .counts = labels.joints.select(2, 2).gt(0).to(at::kFloat),
          .energy = std::numbers::pi * sigma_x * sigma_y};
}

std::vector<metric::FoundJoint> found_joints(const Tensor& maps,
                                             std::int64_t height,
                                             std::int64_t width) {
  const Tensor values = maps.contiguous();
  const std::int64_t rows = values.size(1), columns = values.size(2);
  const float* map = values.data_ptr<float>();
  // The shift from a maximum whose neighbours are these.
  const auto shift = [](float before, float after) {
    return before == after ? 0.0 : before < after ? 0.25 : -0.25;
  };
  std::vector<metric::FoundJoint> joints;
  for (std::int64_t j = 0; j < values.size(0); ++j, map += rows * columns) {
    const std::int64_t at = std::max_element(map, map + rows * columns) - map;
    const std::int64_t row = at / columns, column = at % columns;
    double x = static_cast<double>(column), y = static_cast<double>(row);
    if (column > 0 && column + 1 < columns) x += shift(map[at - 1], map[at + 1]);
    if (row > 0 && row + 1 < rows) y += shift(map[at - columns], map[at + columns]);
    const auto pixels = [](double cell, std::int64_t cells, std::int64_t side) {
      return (cell + 0.5) * static_cast<double>(side) / static_cast<double>(cells) - 0.5;
    };
    joints.push_back({.x = pixels(x, columns, width),
                      .y = pixels(y, rows, height),
                      .confidence = static_cast<double>(map[at])});
  }
  return joints;
}

PoseEstimation::PoseEstimation(data::Skeleton skeleton, const PoseOptions& options)
    : skeleton_(std::move(skeleton)), options_(options) {}

Tensor PoseEstimation::loss(const Tensor& output, const Labels& labels, const Learning&) const {
  const Labels here = labels.changed([&](const Tensor& t) { return t.to(output.device()); });
  const HeatMaps wanted = heat_maps(here, output.size(2), output.size(3), options_.spread);
  const Tensor errors = (output - wanted.maps).square().sum({2, 3});
  return (errors * wanted.counts).sum() / (wanted.counts.sum().clamp_min(1) * wanted.energy);
}

Ideal PoseEstimation::ideal(const Labels& labels, std::int64_t height, std::int64_t width) const {
  const HeatMaps wanted = heat_maps(labels, height, width, options_.spread);
  return {.output = wanted.maps,
          .counts = wanted.counts.view({-1, channels(), 1, 1}).expand_as(wanted.maps)};
}

std::vector<std::int64_t> PoseEstimation::mirrored_channels(const data::Sample& sample) const {
  std::vector<std::int64_t> channels(skeleton_.joints.size());
  std::iota(channels.begin(), channels.end(), 0);
  for (const auto& [left, right] : sample.joint_pairs)
    std::swap(channels.at(static_cast<std::size_t>(left)),
              channels.at(static_cast<std::size_t>(right)));
  return channels;
}

void PoseEstimation::predict(const Tensor& output,
                             std::int64_t height,
                             std::int64_t width,
                             Prediction& into) const {
  into.joints = found_joints(output[0].to(at::kCPU, at::kFloat), height, width);
}

std::unique_ptr<Measurement> PoseEstimation::measurement(network::Kernels) const {
  return std::make_unique<PoseMeasurement>(skeleton_, options_);
}

}  // namespace parsimony::task
