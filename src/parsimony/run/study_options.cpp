// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/study_options.h"

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/objective/objective.h"
#include "parsimony/objective/scalarization.h"
#include "parsimony/run/candidates.h"

namespace parsimony::run {

void DataOptions::visit(core::FieldVisitor& v) {
  v.field("path", path, {"folder of the data set; empty: synthetic pictures"});
  v.group("synth", synth, "the synthetic pictures");
  v.field("view",
          view,
          {"side of the central crop that candidates are validated on, pixels; 0: whole pictures",
           0,
           16384});
  v.field("view_shorter_side",
          view_shorter_side,
          {"validation pictures with a shorter side below this are enlarged; 0: never", 0, 16384});
  v.field("subset", subset, {"lists of pictures to use, SPLIT_SUBSET.txt; empty: SPLIT.txt"});
  v.field("depth_scale",
          depth_scale,
          {"numbers per metre in depth files; 0: what the data set or its layout says", 0});
  v.field("fit",
          fit,
          {"pictures are scaled into a square of this side, pixels, and padded to it, for pictures "
           "that come in all sizes; 0: never",
           0,
           16384});
  v.group("assumed", assumed, "what `plan` assumes where data.path is not there");
}

void EncoderChoice::visit(core::FieldVisitor& v) {
  network.visit(v);
  v.field(
      "weights",
      weights,
      {"weight file (safetensors, .pth) or fetched name; empty: trained when the study starts"});
  v.group("pretraining", pretraining, "training on another data set first");
}

void PretrainingOptions::visit(core::FieldVisitor& v) {
  v.field(
      "path",
      path,
      {"folder of that data set, of any layout and any classes, of pixels or of whole pictures; empty: none"});
  v.group("training", training, "how");
}

void TeacherOptions::visit(core::FieldVisitor& v) {
  v.field(
      "model",
      model,
      {"model folder of a trained network, or a weight file of TensorFlow's DeepLabV3, that all "
       "trainings learn from; empty: candidates learn from the start network"});
  v.field(
      "classes",
      classes,
      {"names, or numbers from 0, of those of its classes that the data set has, in the data set's "
       "order; empty: all"});
}

void StartOptions::visit(core::FieldVisitor& v) {
  v.choice(
      "when", when, kStartWhenNames, {"auto (when the encoder has no weights), always or never"});
  v.field("genotype", genotype, {"architecture of the network that is trained before the search"});
  v.field("teach", teach, {"whether candidates learn from its logits too (distillation)"});
  v.field("reuse",
          reuse,
          {"whether it, and pre-training, are taken over from an equal training on this machine"});
  v.group("training", training, "its training");
}

void SupernetOptions::visit(core::FieldVisitor& v) {
  v.field("trained",
          trained,
          {"model folder of a trained DeepLabV3, or a weight file of TensorFlow's; empty: it is "
           "trained when the study starts"});
  v.field(
      "classes",
      classes,
      {"names, or numbers from 0, of those of its classes that the data set has, in the data set's "
       "order; empty: all"});
  network.visit(v);
  v.field("backbone_weights",
          backbone_weights,
          {"weight file or fetched name that its training starts from; empty: random weights"});
  v.group("training", training, "its training");
  v.field("reuse", reuse, {"whether it is taken over from an equal training on this machine"});
  v.choice("importance",
           importance,
           supernet::kImportanceRuleNames,
           {"which channels narrow candidates keep"});
  measuring.visit(v);
  v.field("teach", teach, {"whether the networks that are fine-tuned learn from its logits too"});
}

void CacheOptions::visit(core::FieldVisitor& v) {
  v.field(
      "memory_gib",
      memory_gib,
      {"most memory for cached features, GiB; a larger cache lies in a file in the study's folder",
       0});
  v.field("disk_gib", disk_gib, {"largest such file, GiB", 0});
  v.choice("precision", precision, train::kCachePrecisionNames, {"how features are stored"});
}

void FinalOptions::visit(core::FieldVisitor& v) {
  v.field(
      "count", count, {"networks that are fully trained and exported after the search", 0, 1000});
  v.choice("choose",
           choose,
           kFinalistRuleNames,
           {"which: spread over the front, or by what they add to its hypervolume"});
  v.field("width", width, {"decoder width of the final networks", 1, 4096});
  v.field("repeats", repeats, {"repeats of separable convolutions in the final networks", 1, 8});
  v.group("training", training, "their training");
  v.field("at_once",
          at_once,
          {"networks trained side by side; 0: one for each core, on another device one after the "
           "other",
           0,
           1024});
  v.field("normalise_inside",
          normalise_inside,
          {"exported networks take RGB values 0..255 and normalise them themselves"});
  v.choice("output", output, deploy::kOutputKindNames, {"what exported networks give"});
  v.field(
      "latency",
      latency,
      {"meters that tell how long final networks take: host-onnx, host-torch, runner:FILE; those of "
       "cost.measured do too"});
  v.field("samples", samples, {"test pictures with predictions in the report", 0, 100});
}

void StudyOptions::visit(core::FieldVisitor& v) {
  v.field("name", name, {"of the study; its folder is runs/NAME unless told otherwise"});
  v.field("seed", seed, {"decides every random choice", 0});
  v.group("data", data, "pictures with labels");
  v.group("task", task, "what is learned from them");
  v.group("space", space, "what is searched");
  if (searches_supernet()) {
    v.group("supernet", supernet, "the network that candidates are parts of");
  } else if (is_of_grids()) {
    v.group("grid", grid, "the networks beside their genotypes");
    v.group("differentiable", differentiable, "the search of cells, then of paths");
  } else {
    v.group("encoder", encoder, "the encoder, the same for all candidates");
    v.group("decoder", decoder, "the candidates' decoder beside the genotype");
    v.group("start", start, "the network that is trained before the search");
    v.group("cache", cache, "features of the frozen encoder");
    v.group("candidate", candidate, "training and judging of a candidate");
  }
  v.group("teacher", teacher, "whom trainings learn from");
  v.group("cost", cost, "what networks cost, and may cost, before any training");
  if (!is_of_grids()) {
    v.group("search", search, "the search method");
    v.group("budget", budget, "how much is searched");
    v.field("rewards",
            rewards,
            {"what is maximised, a search for each: \"reward\", \"reward * (params / "
             "500000)^-0.6\", ..."});
  }
  v.field(
      "objectives", objectives, {"what the Pareto front trades: miou, reward, params, macs, ..."});
  if (!is_of_grids()) {
    v.field("random_baseline",
            random_baseline,
            {"repeat the search with the random method and the same budget"});
  }
  v.group("final", final, "after the search");
}

namespace {

// Costs can only be read where they are known: a latency needs its device.
void require_known_cost(const std::string& name,
                        const evaluate::Costs& costs,
                        const std::string& file,
                        const std::string& reader) {
  objective::objective_by_name(name);
  std::vector<std::string> known = costs.names();
  known.insert(known.end(), costs.measured_names().begin(), costs.measured_names().end());
  if (!objective::is_cost(name) || std::find(known.begin(), known.end(), name) != known.end())
    return;
  core::throw_user_error("{}: the {} needs the cost '{}', which this study does not state: {}",
                         file,
                         reader,
                         name,
                         name.starts_with(objective::kLatencyOn)
                             ? "put the device into cost.devices or cost.measured"
                             : "known are " + core::join(known, ", "));
}

void check_rewards(const StudyOptions& options,
                   const evaluate::Costs& costs,
                   const std::string& file) {
  if (options.rewards.empty())
    core::throw_user_error("{}: 'rewards' is empty, must name at least one, such as reward", file);
  for (const objective::Scalarization& reward : parse_rewards(options)) {
    for (const std::string& name : objective::names_in(reward))
      require_known_cost(name, costs, file, fmt::format("reward '{}'", objective::to_text(reward)));
  }
}

// What only the search itself can say of its options, and what it does not use.
void check_search(const StudyOptions& options, const std::string& file) {
  // A supernet that is trained already is read later, when all that can be said before was said.
  const graph::NetworkDescription network{.supernet = options.supernet.network};
  search::make_search(options.search, *make_space(options, network), core::Rng(1));
  if (options.search.method == search::SearchMethod::kNsga2 && options.rewards.size() > 1) {
    core::throw_user_error(
        "{}: rewards has {} entries, but nsga2 looks for the front of the objectives ({}) and "
        "maximises no reward; leave rewards out, or choose another search.method",
        file,
        options.rewards.size(),
        core::join(options.objectives, ", "));
  }
}

// Of studies whose candidates have a frozen encoder and are trained.
void check_candidate_training(const StudyOptions& options, const std::string& file) {
  const space::Genotype start = space::parse_genotype(options.start.genotype);
  if (options.encoder.weights.empty() &&
      space::encoder_taps(space::space_of(start)) < space::encoder_taps(options.space.name)) {
    core::throw_user_error(
        "{}: start.genotype {} is of the space {}, whose encoder is shorter than that of {}, which is "
        "searched; give a start.genotype of that space, or encoder.weights",
        file,
        options.start.genotype,
        space::name_of(space::space_of(start)),
        space::name_of(options.space.name));
  }
  if (!options.encoder.weights.empty() && !options.encoder.pretraining.path.empty()) {
    core::throw_user_error(
        "{}: encoder.weights and encoder.pretraining.path are both given; the encoder has either "
        "weights from a file or is pre-trained",
        file);
  }
  if (options.candidate.stage0.epochs + options.candidate.stage1.epochs == 0) {
    core::throw_user_error(
        "{}: candidate.stage0.epochs and candidate.stage1.epochs are both 0, one must be above",
        file);
  }
  const auto& augment = options.candidate.stage0.augment;
  if (augment.crop < 32)
    core::throw_user_error(
        "{}: candidate.stage0.augment.crop is {}, must be at least 32", file, augment.crop);
}

// Scores that a task other than the study's would have.
void require_known_score(const std::string& name,
                         const StudyOptions& options,
                         const std::string& file,
                         const std::string& reader) {
  const std::optional<data::Target> target = task::target_of_score(name);
  if (!target || options.task.targets().contains(*target)) return;
  core::throw_user_error("{}: {} '{}' is a score of {}, but task.heads is {}",
                         file,
                         reader,
                         name,
                         data::name_of(*target),
                         core::join(options.task.heads, ", "));
}

void check_task(const StudyOptions& options, const std::string& file) {
  const data::TargetSet targets = options.task.targets();
  const bool segments = targets == data::TargetSet{data::Target::kClasses};
  if (options.searches_supernet() && !segments) {
    core::throw_user_error(
        "{}: space {} searches networks for segmentation, but task.heads is {}; search another space",
        file,
        space::name_of(options.space.name),
        core::join(options.task.heads, ", "));
  }
  if (options.final.output == deploy::OutputKind::kClasses && !segments) {
    core::throw_user_error(
        "{}: final.output is classes, which only segmentation has, but task.heads is {}; choose "
        "logits or picture-logits",
        file,
        core::join(options.task.heads, ", "));
  }
  for (const std::string& name : options.objectives)
    require_known_score(name, options, file, "objective");
  for (const objective::Scalarization& reward : parse_rewards(options)) {
    for (const std::string& name : objective::names_in(reward))
      require_known_score(name, options, file, "reward");
  }
}

void check_supernet(const SupernetOptions& supernet, const std::string& file) {
  if (supernet.trained.empty()) {
    if (!supernet.classes.empty()) {
      core::throw_user_error(
          "{}: supernet.classes chooses from the classes of a trained network; give "
          "supernet.trained, or leave it out",
          file);
    }
    return;
  }
  if (!supernet.backbone_weights.empty() || !(supernet.network == graph::DeeplabOptions{})) {
    core::throw_user_error(
        "{}: supernet.trained is {}, whose design and weights are taken as they are; leave "
        "supernet.backbone, supernet.backbone_weights and the other options of its design out",
        file,
        supernet.trained);
  }
}

// The rules of paths are the space's; a model card has them with its network.
void check_grids(StudyOptions& options, const evaluate::Costs& costs, const std::string& file) {
  if (options.grid.rules == graph::GridOptions().rules)
    options.grid.rules = options.space.grids.rules;
  if (!(options.grid.rules == options.space.grids.rules)) {
    core::throw_user_error(
        "{}: grid.connectivity and grid.start are not those of space; give them in space alone",
        file);
  }
  if (!options.cost.measured.empty()) {
    core::throw_user_error(
        "{}: cost.measured names {}, but no candidate of a grid is measured while it is searched; "
        "leave it out, and name meters in final.latency",
        file,
        core::join(options.cost.measured, ", "));
  }
  const std::string& cost = options.differentiable.cost;
  std::vector<std::string> known = {"macs", "params"};
  for (const std::string& name : costs.names())
    if (name.starts_with(objective::kLatencyOn)) known.push_back(name);
  if (std::ranges::find(known, cost) == known.end()) {
    core::throw_user_error(
        "{}: differentiable.cost is {}; expected one of {}{}",
        file,
        cost,
        core::join(known, ", "),
        cost.starts_with(objective::kLatencyOn) ? ": put the device into cost.devices" : "");
  }
  try {
    check(options.differentiable, options.grid);
  } catch (const core::Error& error) {  // which knows the option, not the file
    if (error.kind() != core::ErrorKind::kUser) throw;
    core::throw_user_error("{}: {}", file, error.what());
  }
}

}  // namespace

std::vector<objective::Scalarization> parse_rewards(const StudyOptions& options) {
  std::vector<objective::Scalarization> rewards;
  for (const std::string& text : options.rewards)
    rewards.push_back(objective::parse_scalarization(text));
  return rewards;
}

StudyOptions read_study(const std::string& file, const std::vector<std::string>& overrides) {
  core::Config config = core::Config::from_file(file);
  for (const std::string& assignment : overrides) config.set(assignment);
  StudyOptions options;
  config.read_into(options);
  const evaluate::Costs costs({}, options.cost);
  check_task(options, file);
  for (const std::string& name : options.objectives)
    require_known_cost(name, costs, file, fmt::format("objective '{}'", name));
  if (!options.is_of_grids()) {
    check_rewards(options, costs, file);
    check_search(options, file);
  }
  if (options.name.empty() || options.name.find('/') != std::string::npos) {
    core::throw_user_error(
        "{}: 'name' must be a plain folder name, found '{}'", file, options.name);
  }
  if (options.searches_supernet()) {
    check_supernet(options.supernet, file);
  } else if (options.is_of_grids()) {
    check_grids(options, costs, file);
  } else {
    check_candidate_training(options, file);
  }
  return options;
}

}  // namespace parsimony::run
