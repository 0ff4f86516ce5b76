// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/assumed.h"

#include <fmt/format.h>

#include "parsimony/core/error.h"
#include "parsimony/data/palette.h"

namespace parsimony::data {
namespace {

class AssumedDataset final : public Dataset {
 public:
  AssumedDataset(const AssumedOptions& options, TargetSet targets, std::string name)
      : options_(options) {
    info_.name = std::move(name);
    info_.format = "assumed";
    info_.targets = targets;
    for (int c = 0; c < options.classes; ++c) info_.classes.push_back(fmt::format("class {}", c));
    info_.palette = voc_palette(info_.classes.size());
    for (int j = 0; j < options.joints; ++j)
      info_.skeleton.joints.push_back(fmt::format("joint {}", j));
    // Something to measure by.
    info_.skeleton.torso = info_.skeleton.head = std::pair(0, options.joints - 1);
  }

  const DatasetInfo& info() const override { return info_; }

  std::int64_t size(Split split) const override {
    switch (split) {
      case Split::kTrain:
        return options_.train;
      case Split::kVal:
        return options_.val;
      case Split::kTest:
        return options_.test;
    }
    return 0;
  }

  std::string id(Split, std::int64_t index) const override { return fmt::format("{}", index); }

  Sample read(Split, std::int64_t) const override {
    return blank_sample(info_, options_.width, options_.height);
  }

 private:
  const AssumedOptions options_;
  DatasetInfo info_;
};

}  // namespace

void AssumedOptions::visit(core::FieldVisitor& v) {
  v.field("train", train, {"training pictures; 0: nothing is assumed", 0});
  v.field("val", val, {"validation pictures", 0});
  v.field("test", test, {"test pictures", 0});
  v.field("width", width, {"of the pictures, pixels", 0, 65536});
  v.field("height", height, {"of the pictures, pixels", 0, 65536});
  v.field("classes", classes, {"classes of the labels", 2, 255});
  v.field("joints", joints, {"joints of a person", 2, 1000});
}

std::unique_ptr<Dataset> assumed_dataset(const AssumedOptions& options,
                                         TargetSet targets,
                                         std::string name) {
  if (options.train < 1 || options.val < 1 || options.width < 1 || options.height < 1) {
    core::throw_user_error(
        "data.assumed says {} training and {} validation pictures of {}x{}; a plan needs at least "
        "one of each, and their size",
        options.train,
        options.val,
        options.width,
        options.height);
  }
  return std::make_unique<AssumedDataset>(options, targets, std::move(name));
}

Sample blank_sample(const DatasetInfo& info, std::int64_t width, std::int64_t height) {
  Sample sample{.image = Image(width, height)};
  if (info.targets.contains(Target::kClasses)) sample.labels = LabelMap(width, height);
  if (info.targets.contains(Target::kDepth)) sample.depth = DepthMap(width, height, /*fill=*/1);
  if (info.targets.contains(Target::kPose)) {
    Pose pose;
    // Some distance apart, so that there is a torso to measure by.
    for (std::size_t j = 0; j < info.skeleton.joints.size(); ++j) {
      const auto place = static_cast<float>(j + 1);
      pose.joints.push_back({place, place, Visibility::kVisible});
    }
    sample.pose = std::move(pose);
  }
  return sample;
}

}  // namespace parsimony::data
