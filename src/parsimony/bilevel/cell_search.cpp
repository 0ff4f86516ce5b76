// SPDX-License-Identifier: Apache-2.0
#include "parsimony/bilevel/cell_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "parsimony/bilevel/supernets.h"
#include "parsimony/bilevel/training.h"
#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/differentiable/eigenvalue.h"
#include "parsimony/differentiable/sharpness.h"

namespace parsimony::bilevel {
namespace {

namespace fs = std::filesystem;
using differentiable::CellNote;
using differentiable::CellSearchHistory;
using differentiable::CellSearchOptions;
using network::Phase;

constexpr std::string_view kEnded = "ended", kGoingOn = "going on";

class CellSearch {
 public:
  explicit CellSearch(const Search& search)
      : search_(search),
        options_(search.design.options.cell),
        robustness_(options_.robustness),
        relaxation_(cell_supernet(search.design, search.pictures.task->channels()),
                    search.rng,
                    search.network),
        training_(relaxation_, options_.weights, options_.alphas),
        lessons_(search.pictures,
                 search.design.options.augment,
                 options_.batch,
                 search.rng.split("lessons"),
                 search.context.threads),
        signature_(signature_of(search, core::to_yaml(options_))) {}

  std::optional<CellSearchHistory> run() {
    if (fs::exists(search_.checkpoint)) load(search_.checkpoint);
    while (!done()) {
      const int epoch = static_cast<int>(history_.epochs.size());
      std::optional<CellNote> note = train(epoch);
      if (!note || !measure(*note)) return std::nullopt;
      history_.epochs.push_back(std::move(*note));
      history_.cell = history_.epochs.back().cell;
      keep_snapshot(epoch);
      const std::optional<int> back = too_sharp();
      if (back && !go_back(*back)) return std::nullopt;
      save();
    }
    for (const fs::path& file : snapshots_) fs::remove(file);
    return history_;
  }

 private:
  bool done() const { return stopped_ || std::ssize(history_.epochs) >= options_.epochs; }

  // What the supernet is made of in an epoch.
  void prepare(int epoch) {
    const auto phase = options_.searching();
    relaxation_.set_auxiliary_skip(
        robustness_.auxiliary_skip
            ? differentiable::linear({1, 0}, differentiable::ramp(phase, epoch))
            : 0);
    relaxation_.set_skip_dropout(
        differentiable::skip_dropout(robustness_.skip_dropout, options_.warm_up, epoch));
  }

  std::optional<CellNote> train(int epoch) {
    prepare(epoch);
    EpochSteps steps = epoch_steps(options_, epoch);
    steps.coefficients = [&](const Lesson& weights) {
      return relaxation_.coefficients(perturbation(weights, epoch));
    };
    if (options_.searching(epoch)) {
      steps.architecture = [&](const Lesson& weights, const Lesson& alphas) {
        return add_alphas_gradient(weights, alphas, steps.rate, epoch);
      };
    }
    const auto trained =
        run_epoch(training_, lessons_, steps, search_.rng, search_.context, search_.task);
    if (!trained) return std::nullopt;
    CellNote note;
    static_cast<differentiable::EpochNote&>(note) = *trained;
    return note;
  }

  double add_alphas_gradient(const Lesson& weights, const Lesson& alphas, double rate, int epoch) {
    const double share =
        static_cast<double>(epoch) / static_cast<double>(std::max(1, options_.epochs - 1));
    const double begin = robustness_.entropy_begin;
    const double ramp = begin < 1 ? std::clamp((share - begin) / (1 - begin), 0.0, 1.0) : 0;
    if (robustness_.entropy > 0 && ramp > 0)
      relaxation_.add_gradient(differentiable::alpha_entropy(relaxation_.alphas()).gradient,
                               robustness_.entropy * ramp);
    if (options_.order == differentiable::Order::kSecond)
      return add_unrolled_gradient(
          relaxation_, weights, alphas, training_.next_step(rate), options_.second_order_step);
    return add_architecture_gradient(
        relaxation_,
        alphas,
        robustness_.protect_statistics ? Phase::kBatchStatistics : Phase::kTraining);
  }

  // Of softmax(alpha), for one step of the weights; undefined: none.
  Tensor perturbation(const Lesson& lesson, int epoch) {
    const double epsilon = differentiable::linear({robustness_.epsilon, robustness_.epsilon_end},
                                                  progress(options_.all(), epoch));
    switch (robustness_.perturbation) {
      case differentiable::Perturbation::kNone:
        return {};
      case differentiable::Perturbation::kRandom:
        return relaxation_.allowed(uniform(epsilon, lesson.noise.split("perturbation")));
      case differentiable::Perturbation::kAdversarial:
        return adversarial(epsilon, lesson);
    }
    core::throw_internal_error("a perturbation that does not exist");
  }

  Tensor uniform(double epsilon, core::Rng rng) const {
    Tensor noise = at::empty(relaxation_.alphas_shape(), at::kDouble);
    double* values = noise.data_ptr<double>();
    for (std::int64_t i = 0; i < noise.numel(); ++i) values[i] = rng.uniform(-epsilon, epsilon);
    return noise;
  }

  // Steps of the gradient's sign that make the loss larger, held within epsilon (SDARTS-ADV).
  Tensor adversarial(double epsilon, const Lesson& lesson) {
    Tensor worst =
        at::zeros(relaxation_.alphas_shape(), relaxation_.architecture().values.options());
    const double step = 2 * epsilon / robustness_.adversarial_steps;
    for (int i = 0; i < robustness_.adversarial_steps; ++i) {
      Tensor at = worst.detach().clone().set_requires_grad(true);
      const Tensor loss =
          lesson_loss(relaxation_, relaxation_.coefficients(at), lesson, Phase::kBatchStatistics);
      const Tensor gradient = torch::autograd::grad({loss}, {at})[0];
      worst = relaxation_.allowed((worst + step * gradient.sign()).clamp(-epsilon, epsilon));
    }
    return worst;
  }

  differentiable::Alphas weights() const {
    return differentiable::operation_weights(relaxation_.alphas());
  }

  space::GridCell cell(const differentiable::DerivationOptions& options) const {
    const std::vector<double> edges = relaxation_.edge_weights();
    return derive_cell(relaxation_.candidates(), weights(), options, edges);
  }

  // All that is known of an epoch beside its losses. False when interrupted.
  bool measure(CellNote& note) {
    const std::vector<double> entropies = differentiable::edge_entropies(relaxation_.alphas());
    note.entropy = 0;
    for (const double entropy : entropies)
      note.entropy += entropy / static_cast<double>(entropies.size());
    note.weights = weights();
    note.cell = cell(options_.derivation());
    const space::GridCell uncapped =
        cell({.edges_per_node = options_.edges_per_node, .skip_cap = std::nullopt});
    note.skips = static_cast<int>(
        std::ranges::count(uncapped.edges, space::GridOp::kSkip, &space::GridCellEdge::op));
    if (estimates(note.epoch) && !estimate(note)) return false;
    const int after = note.epoch + 1;
    return (after % search_.design.options.validate_every != 0 && after != options_.epochs) ||
           measure_quality(note);
  }

  // Both with statistics of their own: what has been running are those of perturbed weights and of
  // alphas that were others a moment ago. False when interrupted.
  bool measure_quality(CellNote& note) {
    const at::NoGradGuard no_grad;
    const auto quality = [&](const std::vector<Tensor>& coefficients) {
      return quality_of(measured_anew(relaxation_.network(),
                                      coefficients,
                                      lessons_.calibration(search_.design.options.calibration),
                                      search_.pictures,
                                      search_.context,
                                      search_.task + ", validation"),
                        lessons_.task());
    };
    note.supernet_miou = quality(relaxation_.coefficients());
    if (!note.supernet_miou) return false;
    note.discrete_miou = quality(relaxation_.coefficients_of(note.cell));
    return note.discrete_miou.has_value();
  }

  bool estimates(int epoch) const {
    const differentiable::SharpnessOptions& sharpness = robustness_.sharpness;
    return sharpness.remedy != differentiable::SharpnessRemedy::kOff && options_.searching(epoch) &&
           (epoch + 1 - options_.warm_up) % sharpness.every == 0;
  }

  // Notes what can be relied on. False when interrupted.
  bool estimate(CellNote& note) {
    const std::optional<differentiable::Eigenvalue> found = eigenvalue(note.epoch);
    if (!found) return false;
    if (reliable(*found, robustness_.sharpness)) {
      note.eigenvalue = found->value;
    } else {
      search_.context.log.line(
          core::LogLevel::kInfo,
          fmt::format(
              "{}: the largest eigenvalue of epoch {}, {:.3g}, is {:.3g} off and counts for "
              "nothing; robustness.sharpness.steps, now {}, may be too few",
              search_.task,
              note.epoch + 1,
              found->value,
              found->error,
              robustness_.sharpness.steps));
    }
    return true;
  }

  // Of the Hessian of the architecture's loss by the alphas, on a fixed subset of its pictures.
  // Nothing when interrupted.
  std::optional<differentiable::Eigenvalue> eigenvalue(int epoch) {
    const differentiable::SharpnessOptions& sharpness = robustness_.sharpness;
    const std::vector<train::Batch> batches = lessons_.probe(sharpness.batches);
    Tensor& values = relaxation_.architecture().values;
    const Tensor before = values.clone();
    const auto gradient = [&](std::span<const double> point) {
      set_values(point);
      training_.zero_architecture_gradients();
      for (const train::Batch& batch : batches) {
        if (search_.context.stop.requested()) break;
        add_architecture_gradient(
            relaxation_, {batch, search_.rng, lessons_.task()}, Phase::kEvaluation);
      }
      return to_doubles(relaxation_.architecture().gradients / static_cast<double>(batches.size()));
    };
    const differentiable::Eigenvalue largest = differentiable::largest_eigenvalue(
        differentiable::hessian_product(gradient, to_doubles(before), sharpness.difference),
        static_cast<std::size_t>(values.numel()),
        sharpness.steps,
        search_.rng.split("eigenvalue").split(static_cast<std::uint64_t>(epoch)));
    values.copy_(before);
    if (search_.context.stop.requested()) return std::nullopt;
    return largest;
  }

  static std::vector<double> to_doubles(const Tensor& tensor) {
    const Tensor values = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
    return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
  }

  void set_values(std::span<const double> point) {
    const Tensor values = at::empty({std::ssize(point)}, at::kDouble);
    std::ranges::copy(point, values.data_ptr<double>());
    relaxation_.architecture().values.copy_(values);
  }

  std::optional<int> too_sharp() const {
    if (robustness_.sharpness.remedy == differentiable::SharpnessRemedy::kOff) return std::nullopt;
    std::vector<differentiable::SharpnessPoint> series;
    for (const CellNote& note : history_.epochs) {
      if (note.eigenvalue) series.push_back({note.epoch, *note.eigenvalue});
    }
    if (series.empty() || series.back().epoch != history_.epochs.back().epoch) return std::nullopt;
    return epoch_to_return_to(
        series, robustness_.sharpness, options_.warm_up + robustness_.sharpness.start);
  }

  // The search is again what it was then, and ends with that or goes on from there with a stronger
  // decay. False when interrupted.
  bool go_back(int epoch) {
    const bool adaptive =
        robustness_.sharpness.remedy == differentiable::SharpnessRemedy::kAdaptive;
    const std::optional<double> decay =
        adaptive ? escalated_weight_decay(training_.architecture_decay(), robustness_.sharpness)
                 : std::nullopt;
    search_.context.log.line(
        core::LogLevel::kInfo,
        fmt::format("{}: its largest eigenvalue rises too fast; {} epoch {}",
                    search_.task,
                    decay ? "the search goes on from" : "the search ends with the cell of",
                    epoch + 1));
    CellNote& note = history_.epochs[static_cast<std::size_t>(epoch)];
    history_.returned_to.push_back(epoch);
    history_.cell = note.cell;
    training_.load(snapshot(epoch), signature_);
    if (decay) {
      training_.set_architecture_decay(*decay);
      history_.epochs.resize(static_cast<std::size_t>(epoch) + 1);
      return true;
    }
    stopped_ = true;
    prepare(epoch);
    return note.supernet_miou || measure_quality(note);
  }

  fs::path snapshot(int epoch) const {
    fs::path file = search_.checkpoint;
    return file.replace_extension(fmt::format(".epoch{}.safetensors", epoch));
  }

  // A search may want to go back as far as its window reaches.
  void keep_snapshot(int epoch) {
    const differentiable::SharpnessOptions& sharpness = robustness_.sharpness;
    if (sharpness.remedy == differentiable::SharpnessRemedy::kOff || !options_.searching(epoch))
      return;
    training_.save(snapshot(epoch), signature_, "");
    const int reach = sharpness.every * (sharpness.delta + sharpness.window);
    snapshots_.clear();
    for (int old = options_.warm_up; old <= epoch; ++old) {
      if (!fs::exists(snapshot(old))) continue;
      if (old < epoch - reach) {
        fs::remove(snapshot(old));
      } else {
        snapshots_.push_back(snapshot(old));
      }
    }
  }

  void save() const {
    training_.save(search_.checkpoint,
                   signature_,
                   fmt::format("{}\n{}", stopped_ ? kEnded : kGoingOn, to_json(history_)));
  }

  void load(const fs::path& file) {
    const std::string note = training_.load(file, signature_);
    const std::size_t line = note.find('\n');
    stopped_ = note.substr(0, line) == kEnded;
    history_ = differentiable::cell_search_history(note.substr(line + 1));
  }

  const Search& search_;
  const CellSearchOptions& options_;
  const differentiable::RobustnessOptions& robustness_;
  CellRelaxation relaxation_;
  Training training_;
  Lessons lessons_;
  const std::string signature_;
  CellSearchHistory history_;
  bool stopped_ = false;
  std::vector<fs::path> snapshots_;
};

}  // namespace

std::optional<CellSearchHistory> search_cell(const Search& search) {
  return CellSearch(search).run();
}

}  // namespace parsimony::bilevel
