// SPDX-License-Identifier: Apache-2.0
// Leeds Sports Pose (Johnson & Everingham, BMVC 2010) and its extension (CVPR 2011) as published:
// images/imNNNN.jpg or imNNNNN.jpg and joints.mat, whose `joints` is 3 x 14 x 2000 or 14 x 3 x
// 10000: x, y and a flag. Coordinates are counted from 0. In LSP the flag says that a joint is
// covered; in the extension that it is visible, and others have no place worth learning. LSP's
// first 1,000 pictures are for training, the others for testing; the extension is for training.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/data/file_index.h"
#include "parsimony/data/layouts.h"
#include "parsimony/data/matlab_file.h"
#include "parsimony/data/skeleton.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kJointFile = "joints.mat";
constexpr std::int64_t kJoints = 14, kValues = 3;
constexpr std::int64_t kTrainingPictures = 1000;  // of LSP

void report(FindingKind kind, std::string detail, Inventory& inventory) {
  inventory.findings.push_back({kind,
                                Severity::kError,
                                kJointFile,
                                std::move(detail),
                                "take the file that comes with the data set"});
}

// The pictures' joints; false, and reported, when the file holds none.
bool read_joints(MatlabArray& joints, Inventory& inventory) {
  try {
    joints = read_matlab_array(inventory.root / kJointFile, "joints");
  } catch (const core::Error& error) {
    report(FindingKind::kMalformedPose, error.what(), inventory);
    return false;
  }
  const std::vector<std::int64_t>& dims = joints.dims;
  const bool known = dims.size() == 3 && ((dims[0] == kValues && dims[1] == kJoints) ||
                                          (dims[0] == kJoints && dims[1] == kValues));
  if (!known) {
    report(FindingKind::kWrongJointCount,
           "'joints' is neither 3 x 14 x pictures nor 14 x 3 x pictures",
           inventory);
  }
  return known;
}

Pose pose_of(const MatlabArray& joints, std::int64_t picture, bool extended) {
  Pose pose;
  for (std::int64_t joint = 0; joint < kJoints; ++joint) {
    const auto value = [&](std::int64_t which) {
      const std::int64_t within = extended ? joint + kJoints * which : which + kValues * joint;
      return joints.values[static_cast<std::size_t>(picture * kJoints * kValues + within)];
    };
    const bool flag = value(2) != 0;
    if (extended && !flag) {
      pose.joints.emplace_back();
      continue;
    }
    pose.joints.push_back({static_cast<float>(value(0)),
                           static_cast<float>(value(1)),
                           flag == extended ? Visibility::kVisible : Visibility::kHidden});
  }
  return pose;
}

bool is_finite(const Pose& pose) {
  return std::ranges::all_of(pose.joints, [](const Joint& joint) {
    return std::isfinite(joint.x) && std::isfinite(joint.y);
  });
}

}  // namespace

std::string why_not_lsp(const fs::path& root) {
  return fs::is_regular_file(root / kJointFile) && fs::is_directory(root / "images")
             ? ""
             : "no joints.mat with images/";
}

Inventory scan_lsp(const fs::path& root, const OpenOptions&) {
  Inventory inventory;
  inventory.root = root;
  inventory.info = {.name = "lsp",
                    .format = "lsp",
                    .classes = {},
                    .palette = {},
                    .targets = {Target::kPose},
                    .skeleton = lsp_skeleton()};
  MatlabArray joints;
  if (!read_joints(joints, inventory)) return inventory;
  const bool extended = joints.dims[0] == kJoints;
  Partners partners{.images = FileIndex(root / "images"), .targets = {Target::kPose}};
  partners.annotations = root / kJointFile;
  SplitIds splits;
  for (std::int64_t i = 0; i < joints.dims[2]; ++i) {
    const std::string id = extended ? fmt::format("im{:05}", i + 1) : fmt::format("im{:04}", i + 1);
    Pose pose = pose_of(joints, i, extended);
    if (!is_finite(pose)) {
      report(FindingKind::kNonFiniteJoint,
             fmt::format("'{}' has a joint at a place that is no number", id),
             inventory);
      pose.joints.clear();
    }
    partners.poses.emplace(id, std::move(pose));
    splits.at(extended || i < kTrainingPictures ? Split::kTrain : Split::kTest).push_back(id);
  }
  for (const Split split : {Split::kTrain, Split::kTest})
    pair_up(splits.at(split), partners, split, kJointFile, inventory);
  hold_out_val(inventory);
  report_leftovers(partners, false, inventory);
  return inventory;
}

}  // namespace parsimony::data
