// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/export_folder.h"

#include <map>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/parallel.h"
#include "parsimony/data/annotations.h"
#include "parsimony/data/codec.h"
#include "parsimony/data/description.h"
#include "parsimony/data/inventory.h"

namespace parsimony::data {
namespace {

namespace fs = std::filesystem;

struct Job {
  Split split;
  std::int64_t index;
  std::string id;
};

std::vector<Job> list_jobs(const Dataset& dataset) {
  std::vector<Job> jobs;
  std::map<std::string, Split> seen;
  for (const Split split : kSplits) {
    for (std::int64_t i = 0; i < dataset.size(split); ++i) {
      std::string id = dataset.id(split, i);
      if (id.empty() || id.starts_with('.') || id.find_first_of("/\t\n\r") != std::string::npos) {
        core::throw_user_error(
            "{}: the id '{}' is no plain file name; expected a name without '/', tabs, line "
            "ends and leading dot. Rename the files.",
            dataset.info().name,
            id);
      }
      const auto [first, is_new] = seen.emplace(id, split);
      if (!is_new) {
        core::throw_user_error(
            "{}: the id '{}' occurs in {} and in {}; expected every id once, because all samples "
            "of the written "
            "set share a folder. Rename the files of one of them.",
            dataset.info().name,
            id,
            name_of(first->second),
            name_of(split));
      }
      jobs.push_back({split, i, std::move(id)});
    }
  }
  return jobs;
}

void write_sample(const Sample& sample,
                  const std::string& id,
                  const Description& description,
                  const fs::path& folder,
                  int jpeg_quality) {
  const fs::path image = folder / "images" / id;
  if (jpeg_quality > 0) {
    write_jpeg(image.string() + ".jpg", sample.image, jpeg_quality);
  } else {
    write_png(image.string() + ".png", sample.image);
  }
  if (description.targets.contains(Target::kClasses))
    write_label_png((folder / "labels" / id).string() + ".png", sample.labels, description.palette);
  if (description.targets.contains(Target::kDepth)) {
    const DepthDescription& depth = description.depth;
    write_depth_png(
        (folder / depth.folder / id).string() + ".png", sample.depth, depth.coding.scale);
  }
}

Description described(const DatasetInfo& info) {
  Description description{.name = info.name,
                          .targets = info.targets,
                          .classes = info.classes,
                          .ignore_id = LabelMap::kIgnore,
                          .palette = info.palette,
                          .mirror_pairs = info.mirror_pairs,
                          .groups = info.groups,
                          .label_kind = info.label_kind,
                          .skeleton = info.skeleton};
  if (info.depth_scale > 0) description.depth.coding.scale = info.depth_scale;
  return description;
}

}  // namespace

void write_dataset_folder(const Dataset& dataset,
                          const fs::path& folder,
                          int threads,
                          int jpeg_quality) {
  if (fs::exists(folder) && !(fs::is_directory(folder) && fs::is_empty(folder))) {
    core::throw_user_error(
        "{}: exists and is not empty; expected a new folder. Delete it or choose another name.",
        folder.string());
  }
  const std::vector<Job> jobs = list_jobs(dataset);
  const Description description = described(dataset.info());
  const bool posed = description.targets.contains(Target::kPose);
  std::vector<NamedPose> poses(posed ? jobs.size() : 0);
  fs::create_directories(folder / "images");
  core::parallel_for(static_cast<std::int64_t>(jobs.size()), threads, [&](std::int64_t i) {
    const Job& job = jobs[static_cast<std::size_t>(i)];
    Sample sample = dataset.read(job.split, job.index);
    write_sample(sample, job.id, description, folder, jpeg_quality);
    if (posed)
      poses[static_cast<std::size_t>(i)] = {job.id, name_of(job.split), std::move(*sample.pose)};
  });
  if (posed) core::write_file_atomic(folder / "annotations.json", annotations_text(poses));
  std::array<std::string, 3> lists;
  for (const Job& job : jobs) lists[static_cast<std::size_t>(job.split)] += job.id + "\n";
  for (const Split split : kSplits) {
    core::write_file_atomic(folder / fmt::format("{}.txt", name_of(split)),
                            lists[static_cast<std::size_t>(split)]);
  }
  core::write_file_atomic(folder / "dataset.json", to_json(description));
}

}  // namespace parsimony::data
