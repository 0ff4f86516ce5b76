// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/study_run.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/parallel.h"
#include "parsimony/core/text.h"
#include "parsimony/deploy/version.h"
#include "parsimony/network/device.h"
#include "parsimony/network/tensor_memory.h"
#include "parsimony/network/threads.h"
#include "parsimony/report/report.h"
#include "parsimony/run/candidates.h"
#include "parsimony/run/constant_model.h"
#include "parsimony/run/finalise.h"
#include "parsimony/run/finalists.h"
#include "parsimony/run/preparation.h"
#include "parsimony/run/study_task.h"
#include "parsimony/run/two_stage.h"
#include "parsimony/run/wanted_groups.h"
#include "parsimony/search/given/given.h"
#include "parsimony/study/store.h"

namespace parsimony::run {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConstantState = "constant";

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void note(study::Store& store, const std::string& kind, const std::string& text) {
  study::Update update;
  update.events.push_back({0, now(), kind, text});
  store.commit(update);
}

// "AMD EPYC, 2 cores"; behind that the device, where it is another.
std::string machine(const std::string& device) {
  std::ifstream info("/proc/cpuinfo");
  std::string model = "unknown processor";
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) {
      model = core::trim(line.substr(line.find(':') + 1));
      break;
    }
  }
  return fmt::format(
      "{}, {} cores{}", model, core::available_cores(), device == "cpu" ? "" : ", " + device);
}

// Everything that must not change while a study goes on; budget, final training and names may.
std::string identity(StudyOptions options) {
  options.budget = {};
  options.final = {};
  options.name = "";
  options.random_baseline = false;
  options.objectives = {};
  options.differentiable.seeds = 1;
  options.differentiable.budgets = {1};
  options.cache.memory_gib = options.cache.disk_gib = 1;
  options.start.reuse = true;
  return core::to_yaml(options);
}

// A study has begun once something was trained for it; until then its options are free to change.
bool has_begun(const fs::path& folder) {
  for (const char* trained : {"pretraining", "start", "search"})
    if (fs::exists(folder / trained)) return true;
  return fs::exists(folder / "study.db") &&
         !study::open_sqlite_store(folder / "study.db")->trials().empty();
}

// The options of the study that has begun in a folder, if one has.
std::optional<StudyOptions> begun_with(const fs::path& folder) {
  const fs::path file = folder / "study.yaml";
  if (!fs::exists(file) || !has_begun(folder)) return std::nullopt;
  StudyOptions options;
  options.candidate.arithmetic = network::ArithmeticChoice::kFp32;  // of older studies
  core::Config::from_file(file).read_into(options);
  return options;
}

void check_same_study(const StudyOptions& before,
                      const StudyOptions& options,
                      const fs::path& folder) {
  const std::vector<std::string> old_lines = core::split(identity(before), '\n');
  const std::vector<std::string> new_lines = core::split(identity(options), '\n');
  for (std::size_t i = 0; i < old_lines.size() && i < new_lines.size(); ++i) {
    if (old_lines[i] == new_lines[i]) continue;
    core::throw_user_error(
        "{} holds a study with other options: there '{}', now '{}'; choose another folder with "
        "--out, or remove it to start over",
        folder.string(),
        core::trim(old_lines[i]),
        core::trim(new_lines[i]));
  }
}

// What is left to the machine is decided when a study begins: its file says what was used, and
// elsewhere it goes on alike or not at all.
StudyOptions decided(StudyOptions options,
                     const std::optional<StudyOptions>& before,
                     const fs::path& folder,
                     const core::Context& context) {
  using network::ArithmeticChoice;
  const at::Device device = network::device_of(context.device);
  ArithmeticChoice& arithmetic = options.candidate.arithmetic;
  if (before && arithmetic == ArithmeticChoice::kAuto) {
    arithmetic = before->candidate.arithmetic;
    if (arithmetic == ArithmeticChoice::kBf16 &&
        network::arithmetic_of(ArithmeticChoice::kAuto, device) != network::Arithmetic::kBf16) {
      core::throw_user_error(
          "{}: this study began in bf16 arithmetic, which this machine has not (AMX, AVX-512 BF16); "
          "continue it where it began, or begin another with candidate.arithmetic=fp32",
          folder.string());
    }
  }
  const bool bf16 = network::arithmetic_of(arithmetic, device) == network::Arithmetic::kBf16;
  arithmetic = bf16 ? ArithmeticChoice::kBf16 : ArithmeticChoice::kFp32;
  return options;
}

std::string report_state(const StudyOptions& options,
                         const data::DatasetInfo& info,
                         const std::string& command,
                         const std::string& device) {
  nlohmann::ordered_json json;
  json["name"] = options.name;
  json["objectives"] = options.objectives;
  json["rewards"] = options.rewards;
  json["command"] = command;
  json["machine"] = machine(device);
  json["network"] =
      core::to_yaml(candidate_description(options, study_task(options, info)->channels()));
  json["version"] = deploy::version();
  json["seed"] = std::to_string(options.seed);
  const data::TargetSet targets = options.task.targets();
  if (targets.contains(data::Target::kClasses)) json["classes"] = info.classes;
  if (targets.contains(data::Target::kPose)) json["joints"] = info.skeleton.joints;
  json["palette"] = nlohmann::ordered_json::array();
  for (const data::Rgb& color : info.palette)
    json["palette"].push_back({color.r, color.g, color.b});
  return json.dump();
}

core::Rng study_rng(const StudyOptions& options) {
  return core::Rng(static_cast<std::uint64_t>(options.seed));
}

// A search for each reward, with random streams of their own.
std::vector<Setting> make_settings(const StudyOptions& options, const space::SearchSpace& space) {
  std::vector<Setting> settings;
  const core::Rng rng = study_rng(options).split("search");
  for (const objective::Scalarization& reward : parse_rewards(options)) {
    const core::Rng own = settings.empty() ? rng : rng.split(settings.size());
    settings.push_back({reward,
                        search::make_search(options.search, space, own),
                        objective::objectives_by_name(options.objectives)});
  }
  return settings;
}

LoopEnd search_into(study::Store& store,
                    const StudyOptions& options,
                    const std::vector<Setting>& settings,
                    Candidates& candidates,
                    const fs::path& folder,
                    const core::Context& context) {
  const std::unique_ptr<evaluate::Evaluator> evaluator = candidates.evaluator(folder);
  network::set_threads(1);  // candidates are what runs in parallel
  const LoopEnd end = run_loop(settings, *evaluator, store, options.budget, context);
  network::set_threads(context.threads);
  if (const std::string sharing = evaluator->sharing(); !sharing.empty()) {
    note(store, "sharing", sharing);
    context.log.line(core::LogLevel::kInfo, "what candidates share: " + sharing);
  }
  return end;
}

StudyEnd to_study_end(LoopEnd end) {
  return end == LoopEnd::kInterrupted ? StudyEnd::kInterrupted : StudyEnd::kOutOfTime;
}

class Study {
 public:
  Study(const StudyOptions& options, const fs::path& folder, const core::Context& context)
      : options_(options),
        folder_(folder),
        context_(context),
        store_(study::open_sqlite_store(folder / "study.db")) {}

  StudyEnd run(const std::string& command) {
    const bool is_new = store_->trials().empty();
    note(*store_, is_new ? "started" : "resumed", fmt::format("parsimony {}", deploy::version()));
    network::set_threads(context_.threads);
    dataset_ = open_study_data(options_, context_);
    candidates_ = make_candidates(options_, *dataset_, folder_, context_);
    study::Update update;
    update.states["report"] = report_state(options_, dataset_->info(), command, context_.device);
    update.states["study.yaml"] = core::to_yaml(options_);
    store_->commit(update);

    const StudyEnd end = steps();
    note(*store_, end == StudyEnd::kFinished ? "finished" : "interrupted", "");
    report::write_report(folder_);
    return end;
  }

 private:
  StudyEnd steps() {
    if (options_.is_of_grids()) {
      if (!candidates_->prepare()) return StudyEnd::kInterrupted;
      if (!search_grid(options_, *dataset_, folder_, *store_, context_))
        return StudyEnd::kInterrupted;
      report::write_report(folder_);
    } else if (!searched()) {
      if (!candidates_->prepare()) return StudyEnd::kInterrupted;
      network::release_unused_tensor_memory();  // what a training at the start worked in
      const LoopEnd end = search_into(*store_,
                                      options_,
                                      make_settings(options_, candidates_->space()),
                                      *candidates_,
                                      folder_,
                                      context_);
      report::write_report(folder_);
      if (end != LoopEnd::kFinished) return to_study_end(end);
      for (Baseline& baseline : baselines()) {
        const LoopEnd compared = run_baseline(baseline);
        if (compared != LoopEnd::kFinished) return to_study_end(compared);
      }
    }
    return finalise() ? StudyEnd::kFinished : StudyEnd::kInterrupted;
  }

  static std::int64_t done_trials(const study::Store& store) {
    std::int64_t done = 0;
    for (const study::Trial& trial : store.trials())
      done += trial.state == study::TrialState::kDone ? 1 : 0;
    return done;
  }

  // What the search is compared with, in a store of its own below the study's folder.
  struct Baseline {
    std::string folder, title;
    std::int64_t trials = 0;
    std::unique_ptr<search::Search> search;
  };

  std::vector<Baseline> baselines() const {
    const space::SearchSpace& space = candidates_->space();
    std::vector<Baseline> all;
    if (std::vector<space::Tokens> scalings = space.scalings(); !scalings.empty()) {
      const auto count = std::ssize(scalings);
      all.push_back({"scalings",
                     "the network made smaller evenly",
                     count,
                     std::make_unique<search::GivenGenotypes>(space, std::move(scalings))});
    }
    if (options_.random_baseline) {
      all.push_back({"random",
                     "random baseline with the same budget",
                     options_.budget.trials,
                     search::make_search({.method = search::SearchMethod::kRandom},
                                         space,
                                         study_rng(options_).split("random baseline"))});
    }
    return all;
  }

  bool searched() const {
    if (done_trials(*store_) < options_.budget.trials) return false;
    return std::ranges::all_of(baselines(), [this](const Baseline& baseline) {
      const fs::path file = folder_ / baseline.folder / "study.db";
      return fs::exists(file) && done_trials(*study::open_sqlite_store(file)) >= baseline.trials;
    });
  }

  LoopEnd run_baseline(Baseline& baseline) {
    const fs::path folder = folder_ / baseline.folder;
    fs::create_directories(folder);
    const std::unique_ptr<study::Store> store = study::open_sqlite_store(folder / "study.db");
    StudyOptions options = options_;
    options.budget.trials = baseline.trials;
    std::vector<Setting> settings(1);
    settings[0].search = std::move(baseline.search);
    context_.log.line(core::LogLevel::kInfo, baseline.title);
    return search_into(*store, options, settings, *candidates_, folder, context_);
  }

  // Those that others are compared with, and the chosen ones.
  std::vector<study::Trial> finalists() const {
    if (options_.final.count == 0) return {};
    const std::vector<study::Trial> trials = store_->trials();
    std::vector<study::Trial> all = candidates_->references(trials);
    for (const study::Trial& trial :
         choose_finalists(trials, options_.objectives, options_.final.count, options_.final.choose))
      if (std::ranges::find(all, trial.canonical_id, &study::Trial::canonical_id) == all.end())
        all.push_back(trial);
    return all;
  }

  bool finalise() {
    std::vector<study::Trial> chosen = finalists();
    // Of all of them, trained already or not: what a training is given of the machine must not
    // depend on where the study was interrupted.
    const int at_once = trainings_at_once(options_.final, std::ssize(chosen), context_);
    const auto learners = std::ranges::stable_partition(
        chosen, [&](const study::Trial& trial) { return candidates_->teaches(trial.id); });
    return train_to_the_end({chosen.begin(), learners.begin()}, at_once) &&
           train_to_the_end(learners, at_once) && (chosen.empty() || measure_constant());
  }

  // What trained networks must at least beat. False when interrupted.
  bool measure_constant() {
    if (store_->state(kConstantState)) return true;
    const std::unique_ptr<Model> constant =
        constant_model({options_.task, dataset_->info()}, *dataset_, context_);
    if (!constant) return false;
    const auto quality = evaluate_model(*constant,
                                        *dataset_,
                                        measured_split(*dataset_),
                                        wanted_groups(options_, dataset_->info()),
                                        context_);
    if (!quality) return false;
    study::Update update;
    update.states[kConstantState] = nlohmann::ordered_json(quality->scores).dump();
    store_->commit(update);
    context_.log.line(core::LogLevel::kInfo,
                      fmt::format("without looking (the mean label): test {}",
                                  objective::headline(quality->scores)));
    return true;
  }

  bool train_to_the_end(std::span<const study::Trial> trials, int at_once) {
    std::vector<study::TrialId> have;
    for (const study::FinalModel& model : store_->models()) have.push_back(model.trial);
    std::vector<ModelJob> jobs;
    for (const study::Trial& trial : trials) {
      if (std::find(have.begin(), have.end(), trial.id) != have.end()) continue;
      std::optional<ModelRequest> request = candidates_->request(trial.genotype);
      if (!request) return false;
      request->name = fmt::format("{}-{}", options_.name, trial.id);
      request->trial = trial.id;
      jobs.push_back({std::move(*request), folder_ / "models" / std::to_string(trial.id)});
    }
    network::release_unused_tensor_memory();
    return make_models(
        jobs, *dataset_, at_once, context_, [&](const study::FinalModel& model) { keep(model); });
  }

  void keep(const study::FinalModel& model) {
    study::Update update;
    update.models = {model};
    store_->commit(update);
    context_.log.line(core::LogLevel::kInfo,
                      fmt::format("model {}: test {}, {} parameters",
                                  model.trial,
                                  objective::headline(model.scores),
                                  core::human_count(model.scores.at("params"))));
    report::write_report(folder_);
  }

  const StudyOptions& options_;
  const fs::path folder_;
  const core::Context& context_;
  std::unique_ptr<study::Store> store_;
  std::unique_ptr<data::Dataset> dataset_;
  std::unique_ptr<Candidates> candidates_;
};

}  // namespace

StudyEnd run_study(const StudyOptions& given,
                   const fs::path& folder,
                   const std::string& command,
                   const core::Context& context) {
  const std::optional<StudyOptions> before = begun_with(folder);
  const StudyOptions options = decided(given, before, folder, context);
  if (before) check_same_study(*before, options, folder);
  fs::create_directories(folder);
  core::write_file_atomic(
      folder / "study.yaml",
      fmt::format(
          "# parsimony {}\n{}", deploy::version(), core::to_yaml(options, /*comments=*/true)));
  return Study(options, folder, context).run(command);
}

}  // namespace parsimony::run
