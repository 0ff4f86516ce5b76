// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/config.h"
#include "parsimony/core/fields.h"
#include "parsimony/data/assumed.h"
#include "parsimony/data/synth.h"
#include "parsimony/deploy/interface.h"
#include "parsimony/differentiable/search_options.h"
#include "parsimony/evaluate/subsample_and_measure.h"
#include "parsimony/evaluate/train_and_measure.h"
#include "parsimony/run/finalists.h"
#include "parsimony/run/loop.h"
#include "parsimony/search/table.h"
#include "parsimony/supernet/importance.h"
#include "parsimony/task/options.h"
#include "parsimony/train/trainer.h"

namespace parsimony::run {

struct DataOptions {
  std::string path;           // data-set folder; empty: synthetic portraits
  data::SynthOptions synth;   // when path is empty
  int view = 0;               // side of the central validation crop, pixels; 0: whole pictures
  int view_shorter_side = 0;  // validation pictures are enlarged to this; 0: never
  std::string subset;         // data::OpenOptions::subset
  double depth_scale = 0;     // data::OpenOptions::depth_scale
  int fit = 0;  // pictures are scaled into a square of this side (data/fitted.h); 0: as they are
  data::AssumedOptions assumed;  // what `plan` takes for it where `path` is not there
  void visit(core::FieldVisitor& v);
};

// Training of the encoder on another data set, before anything else, with start.genotype's decoder
// on it, or a linear layer where whole pictures are labelled (graph/classifier.h). System B's light
// encoder was pre-trained for 10 epochs at batch 32 (spec rl-cell-search 8.1).
struct PretrainingOptions {
  std::string path;  // data-set folder; empty: none
  train::TrainerOptions training{.epochs = 10, .batch = 32};
  void visit(core::FieldVisitor& v);
};

struct EncoderChoice {
  graph::EncoderOptions network;
  std::string weights;  // file, or name of a fetched file; empty: trained at the study's start
  PretrainingOptions pretraining;
  void visit(core::FieldVisitor& v);
};

// A network that is trained end to end before the search: it gives the frozen encoder of the
// candidates its weights and is the teacher whose logits candidates learn from.
enum class StartWhen { kAuto, kAlways, kNever };  // auto: when the encoder has no weights
inline constexpr std::array<std::string_view, 3> kStartWhenNames = {"auto", "always", "never"};
struct StartOptions {
  StartWhen when = StartWhen::kAuto;
  std::string genotype =
      "[[2,[1,0,3,6],[0,1,2,8],[2,0,6,1]],[[2,3],[3,1],[4,4]]]";  // arch1 of the paper
  bool teach = true;
  bool reuse = true;  // an equal training's result, kept on this machine
  train::TrainerOptions training{.epochs = 30};
  void visit(core::FieldVisitor& v);
};

struct TeacherOptions {
  // A trained network, model folder or file for supernet::import_deeplab, that all trainings on the
  // study's data learn from; empty: the start network teaches candidates, if it may.
  std::string model;
  std::vector<std::string> classes;  // as SupernetOptions::classes
  void visit(core::FieldVisitor& v);
};

// The trained network that the candidates of the space `supernet` are parts of: in such a study it
// takes the place of encoder, decoder, start network and candidates' training.
struct SupernetOptions {
  std::string trained;  // model folder, or file for supernet::import_deeplab; empty: it
                        // is trained at the study's start, as follows
  std::vector<std::string> classes;  // names or numbers of those that it tells apart which are
                                     // those of the data set, in its order; empty: all
  graph::DeeplabOptions network;     // of one that is trained
  std::string backbone_weights;      // file, or name of a fetched file; empty: random
  train::TrainerOptions training{.epochs = 40};
  bool reuse = true;  // an equal training's result, kept on this machine
  supernet::ImportanceRule importance = supernet::ImportanceRule::kL1Consumer;
  evaluate::SubsampleOptions measuring;
  bool teach = false;  // whether the networks that are fine-tuned learn from its logits too
  void visit(core::FieldVisitor& v);
};

struct CacheOptions {
  double memory_gib = 6;  // larger caches lie in a file in the study's folder
  double disk_gib = 64;   // cap on that file
  train::CachePrecision precision = train::CachePrecision::kFloat16;
  void visit(core::FieldVisitor& v);
};

// What happens to the best networks after the search.
struct FinalOptions {
  int count = 3;  // networks that are trained fully; 0: none
  FinalistRule choose = FinalistRule::kSpread;
  int width =
      64;  // of searched decoders; the published final networks are wider than searched ones
  int repeats = 2;  // of separable convolutions
  train::TrainerOptions training;
  int at_once = 0;  // trained side by side; 0: one for each core, on another device one
  bool normalise_inside = true;  // exported networks take RGB values 0..255
  deploy::OutputKind output = deploy::OutputKind::kPictureLogits;
  std::vector<std::string> latency = {"host-onnx"};  // meters (meter/meter.h), beside cost.measured
  int samples = 6;                                   // test pictures shown in the report
  void visit(core::FieldVisitor& v);
};

// A study: everything that decides what it does. Read from YAML (configs/), written back resolved.
struct StudyOptions {
  std::string name = "study";
  std::int64_t seed = 1;
  DataOptions data;
  task::TaskOptions task;  // what is learned from it
  EncoderChoice encoder;
  space::SpaceOptions space;
  SupernetOptions supernet;  // for the space `supernet`, instead of what trains candidates
  graph::DecoderOptions decoder;
  StartOptions start;
  TeacherOptions teacher;
  CacheOptions cache;
  evaluate::CostOptions cost;
  evaluate::CandidateOptions candidate;
  graph::GridOptions grid;  // for the space `grid`: its networks, which have no encoder
  differentiable::DifferentiableOptions differentiable;  // and how they are searched
  search::SearchOptions search;
  LoopOptions budget;
  // What searches maximise, objective::parse_scalarization() texts; one search for each.
  std::vector<std::string> rewards = {"reward"};
  std::vector<std::string> objectives = {"miou", "params"};
  bool random_baseline = false;  // repeat the search with the random method and the same budget
  FinalOptions final;
  bool searches_supernet() const { return space.name == space::SpaceName::kSupernet; }
  bool is_of_grids() const { return space.name == space::SpaceName::kGrid; }
  void visit(core::FieldVisitor& v);
};

// Reads a study file and "a.b=value" overrides, and checks what the fields' types cannot say.
StudyOptions read_study(const std::string& file, const std::vector<std::string>& overrides);

std::vector<objective::Scalarization> parse_rewards(const StudyOptions& options);

}  // namespace parsimony::run
