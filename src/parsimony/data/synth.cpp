// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/synth.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "parsimony/core/error.h"
#include "parsimony/core/parallel.h"
#include "parsimony/data/skeleton.h"
#include "parsimony/data/synth_camera.h"
#include "parsimony/data/synth_layers.h"
#include "parsimony/data/synth_scenes.h"

namespace parsimony::data {
namespace {

DatasetInfo portrait_info() {
  return {.name = "synthetic portraits",
          .format = "memory",
          .classes = {"background", "skin", "hair", "brows", "eyes", "nose", "mouth", "clothes"},
          .palette = {{38, 42, 51},
                      {242, 191, 148},
                      {140, 86, 55},
                      {247, 220, 88},
                      {77, 182, 230},
                      {242, 132, 78},
                      {216, 62, 98},
                      {92, 158, 118}}};
}

DatasetInfo people_info() {
  return {.name = "synthetic people",
          .format = "memory",
          .classes = {"background", "person"},
          .palette = {{38, 42, 51}, {242, 132, 78}},
          .targets = {Target::kClasses, Target::kPose},
          .skeleton = lsp_skeleton()};
}

DatasetInfo room_info() {
  return {.name = "synthetic rooms",
          .format = "memory",
          .classes = {"wall", "floor", "ceiling", "box"},
          .palette = {{226, 214, 196}, {140, 86, 55}, {77, 182, 230}, {216, 62, 98}},
          .targets = {Target::kClasses, Target::kDepth},
          .depth_scale = 1000};
}

DatasetInfo info_of(SynthScene scene) {
  switch (scene) {
    case SynthScene::kPortraits:
      return portrait_info();
    case SynthScene::kPeople:
      return people_info();
    case SynthScene::kRooms:
      return room_info();
  }
  core::throw_internal_error("unknown scene {}", static_cast<int>(scene));
}

Sample synth_picture(const SynthOptions& options, core::Rng rng) {
  switch (options.scene) {
    case SynthScene::kPortraits:
      return synth_portrait(options, rng);
    case SynthScene::kPeople:
      return synth_person(options, rng);
    case SynthScene::kRooms:
      return synth_room(options, rng);
  }
  core::throw_internal_error("unknown scene {}", static_cast<int>(options.scene));
}

struct Task {
  Split split;
  std::int64_t index;
};

std::vector<Task> tasks_of(const SynthOptions& options) {
  std::vector<Task> tasks;
  const auto add = [&tasks](Split split, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) tasks.push_back({split, i});
  };
  add(Split::kTrain, options.train);
  add(Split::kVal, options.val);
  add(Split::kTest, options.test);
  return tasks;
}

}  // namespace

void SynthOptions::visit(core::FieldVisitor& v) {
  v.field("train", train, {"number of training pictures", 1, 1e6});
  v.field("val", val, {"number of validation pictures", 0, 1e6});
  v.field("test", test, {"number of test pictures", 0, 1e6});
  v.field("width", width, {"width of the pictures, pixels", 16, 4096});
  v.field("height", height, {"height of the pictures, pixels", 16, 4096});
  v.field("seed", seed, {"equal seeds give equal pictures", 0, 9e15});
  v.field(
      "zoom",
      zoom,
      {"1: head and shoulders, or the whole person; above: closer. Rooms: times the focal length",
       0.5,
       4});
  v.field("occlusion",
          occlusion,
          {"share of portraits or people with something before the face or the body", 0, 1});
  v.choice("scene",
           scene,
           kSynthSceneNames,
           {"portraits (parts of the face), people (joints) or rooms (depth)"});
}

Sample synth_portrait(const SynthOptions& options, core::Rng rng) {
  const Person person = draw_person(options.occlusion, rng.split("person"));
  const Noise noise(rng.split("noise"));
  Canvas canvas(options.width, options.height, options.zoom);
  const Scene scene{canvas, person, Head(person.pose, person.face.width), noise};

  paint_background(canvas, noise, rng.split("background"));
  paint_hat_behind(scene);
  paint_hair_behind(scene);
  paint_body(scene);
  paint_head(scene);
  paint_beard(scene);
  paint_features(scene);
  paint_hair_before(scene);
  paint_near_ear(scene);
  paint_locks(scene);
  paint_glasses(scene);
  paint_hat(scene);
  paint_occluder(scene);

  return {.image = photograph(canvas, rng.split("camera")), .labels = canvas.labels()};
}

MemoryDataset make_synthetic_dataset(const SynthOptions& options, int threads) {
  const DatasetInfo info = info_of(options.scene);
  const core::Rng rng = core::Rng(static_cast<std::uint64_t>(options.seed)).split(info.name);
  const std::vector<Task> tasks = tasks_of(options);
  std::vector<Sample> samples(tasks.size());
  core::parallel_for(static_cast<std::int64_t>(tasks.size()), threads, [&](std::int64_t i) {
    const Task& task = tasks[static_cast<std::size_t>(i)];
    const core::Rng own =
        rng.split(name_of(task.split)).split(static_cast<std::uint64_t>(task.index));
    samples[static_cast<std::size_t>(i)] = synth_picture(options, own);
  });
  MemoryDataset dataset(info);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    dataset.add(tasks[i].split,
                fmt::format("{}_{:05}", name_of(tasks[i].split), tasks[i].index),
                std::move(samples[i]));
  }
  return dataset;
}

}  // namespace parsimony::data
