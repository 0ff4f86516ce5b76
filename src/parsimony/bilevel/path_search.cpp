// SPDX-License-Identifier: Apache-2.0
#include "parsimony/bilevel/path_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "parsimony/bilevel/supernets.h"
#include "parsimony/bilevel/training.h"
#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/differentiable/paths/decoding.h"
#include "parsimony/differentiable/paths/path_regularizer.h"
#include "parsimony/differentiable/paths/single_path.h"

namespace parsimony::bilevel {
namespace {

namespace fs = std::filesystem;
using differentiable::EdgeValues;
using differentiable::PathNote;
using differentiable::PathSearchHistory;
using differentiable::PathSearchOptions;
using network::Phase;

constexpr int kProbedBatches = 4;  // for what an epoch notes of its gates

std::vector<double> to_doubles(const Tensor& tensor) {
  const Tensor values = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

double binary_entropy(double p) {
  const auto term = [](double q) { return q > 0 ? -q * std::log(q) : 0; };
  return term(p) + term(1 - p);
}

double mean_entropy(const EdgeValues& gates) {
  double sum = 0, count = 0;
  for (const std::vector<double>& layer : gates) {
    for (const double gate : layer) sum += binary_entropy(gate);
    count += static_cast<double>(layer.size());
  }
  return sum / count;
}

// The mean of each gate over pictures, and its deviation between them.
class GateMeans {
 public:
  explicit GateMeans(const std::vector<space::GridLayer>& paths) {
    for (const space::GridLayer& layer : paths) {
      sums_.emplace_back(layer.size(), 0.0);
      squares_.emplace_back(layer.size(), 0.0);
    }
  }

  // Of gates that read no content there is one row for all pictures.
  void add(const std::vector<Tensor>& gates) {
    for (std::size_t l = 0; l < gates.size(); ++l) {
      const std::vector<double> sum = to_doubles(gates[l].detach().to(at::kDouble).sum(0));
      const std::vector<double> square =
          to_doubles(gates[l].detach().to(at::kDouble).square().sum(0));
      for (std::size_t e = 0; e < sum.size(); ++e) {
        sums_[l][e] += sum[e];
        squares_[l][e] += square[e];
      }
    }
    rows_ += static_cast<double>(gates[0].size(0));
  }

  EdgeValues means() const { return scaled(sums_); }

  EdgeValues deviations() const {
    const EdgeValues mean = means();
    EdgeValues result = scaled(squares_);
    for (std::size_t l = 0; l < result.size(); ++l) {
      for (std::size_t e = 0; e < result[l].size(); ++e)
        result[l][e] = std::sqrt(std::max(0.0, result[l][e] - mean[l][e] * mean[l][e]));
    }
    return result;
  }

 private:
  EdgeValues scaled(EdgeValues values) const {
    for (std::vector<double>& layer : values) {
      for (double& value : layer) value /= rows_;
    }
    return values;
  }

  EdgeValues sums_, squares_;
  double rows_ = 0;
};

}  // namespace

class PathSearch::State {
 public:
  State(const Search& search,
        space::GridCell cell,
        double budget,
        differentiable::GridCosts costs,
        fs::path warm)
      : search_(search),
        options_(search.design.options.paths),
        regularizer_(options_.regularizer),
        costs_(std::move(costs)),
        warm_(std::move(warm)),
        grid_(space::layer_patterns(search.design.space.layers, search.design.space.rules)),
        relaxation_(path_supernet(search.design, cell, search.pictures.task->channels()),
                    search.rng,
                    search.network),
        training_(relaxation_, options_.weights, options_.gates),
        lessons_(search.pictures,
                 search.design.options.augment,
                 options_.batch,
                 search.rng.split("lessons"),
                 search.context.threads),
        warm_signature_(
            signature_of(search, core::to_yaml(options_) + to_text(space::GridGenotype{cell, {}}))),
        signature_(fmt::format("{} {} {}", warm_signature_, search.design.options.cost, budget)) {
    regularizer_.share = budget;
    history_.budget = budget;
  }

  std::optional<PathSearchHistory> run() {
    load();
    while (std::ssize(history_.epochs) < options_.epochs) {
      const int epoch = static_cast<int>(history_.epochs.size());
      std::optional<PathNote> note = train(epoch);
      if (!note || !measure(*note)) return std::nullopt;
      history_.epochs.push_back(std::move(*note));
      training_.save(search_.checkpoint, signature_, to_json(history_));
      if (epoch + 1 == options_.warm_up && !fs::exists(warm_))
        training_.save(warm_, warm_signature_, to_json(history_));
    }
    if (!history_.paths.empty()) return history_;
    if (!decide()) return std::nullopt;
    training_.save(search_.checkpoint, signature_, to_json(history_));
    return history_;
  }

  std::optional<objective::Scores> inherited(const std::vector<space::GridLayer>& paths) {
    PathRelaxation part = relaxation_.narrowed(paths);
    return measured(part);
  }

 private:
  // With statistics of its own. Nothing when interrupted.
  std::optional<objective::Scores> measured(PathRelaxation& relaxation) {
    const at::NoGradGuard no_grad;
    return measured_anew(relaxation.network(),
                         relaxation.coefficients(),
                         lessons_.calibration(search_.design.options.calibration),
                         search_.pictures,
                         search_.context,
                         search_.task + ", validation");
  }

  std::optional<PathNote> train(int epoch) {
    relaxation_.set_temperature(differentiable::gate_temperature(options_, epoch));
    EpochSteps steps = epoch_steps(options_, epoch);
    steps.coefficients = [this](const Lesson&) { return relaxation_.coefficients(); };
    if (options_.searching(epoch)) {
      const differentiable::Moment moment{
          .lambda = differentiable::linear({0, 1}, ramp(options_.searching(), epoch)),
          .share = progress(options_.all(), epoch)};
      steps.architecture = [this, moment](const Lesson&, const Lesson& gates) {
        const bool protect = search_.design.options.cell.robustness.protect_statistics;
        const double loss = add_architecture_gradient(
            relaxation_, gates, protect ? Phase::kBatchStatistics : Phase::kTraining);
        add_regularizer_gradient(moment);
        return loss;
      };
    }
    const auto trained =
        run_epoch(training_, lessons_, steps, search_.rng, search_.context, search_.task);
    if (!trained) return std::nullopt;
    PathNote note;
    static_cast<differentiable::EpochNote&>(note) = *trained;
    return note;
  }

  // Of the gates of the pictures that have just passed.
  void add_regularizer_gradient(const differentiable::Moment& moment) {
    std::vector<Tensor> means;
    EdgeValues values;
    for (const Tensor& layer : relaxation_.gates()) {
      means.push_back(layer.mean(0));
      values.push_back(to_doubles(means.back()));
    }
    const differentiable::GateLoss loss =
        path_regularizer(grid_, values, costs_, regularizer_, moment);
    std::vector<Tensor> slopes, gammas;
    for (std::size_t l = 0; l < means.size(); ++l) {
      Tensor slope = at::empty({std::ssize(loss.gradient[l])}, at::kDouble);
      std::ranges::copy(loss.gradient[l], slope.data_ptr<double>());
      slopes.push_back(slope.to(means[l].options()));
      gammas.push_back(relaxation_.architecture().tensors[l].second);
    }
    const auto gradients = torch::autograd::grad(means, gammas, slopes);
    const at::NoGradGuard no_grad;
    for (std::size_t l = 0; l < gammas.size(); ++l) gammas[l].mutable_grad().add_(gradients[l]);
  }

  // The gates that an epoch has left, on a few batches of their half.
  EdgeValues probed_gates() {
    const at::NoGradGuard no_grad;
    GateMeans means(all_paths(search_.design.space));
    for (const train::Batch& batch : lessons_.probe(kProbedBatches)) pass(batch.pictures, means);
    return means.means();
  }

  void pass(const Tensor& pictures, GateMeans& means) {
    std::vector<Tensor> inputs = {pictures};
    for (const Tensor& gammas : relaxation_.coefficients()) inputs.push_back(gammas);
    relaxation_.network().logits(inputs, Phase::kEvaluation);
    means.add(relaxation_.gates());
  }

  std::vector<space::GridLayer> decoded(const EdgeValues& gates) const {
    if (options_.decoding.rule != differentiable::DecodingRule::kViterbi)
      return decode(grid_, gates, costs_, options_.decoding);
    EdgeValues logits = gates;
    for (std::vector<double>& layer : logits) {
      for (double& gate : layer) {
        const double open = std::clamp(gate, 1e-7, 1 - 1e-7);
        gate = std::log(open / (1 - open));
      }
    }
    return decode(
        grid_,
        differentiable::softmax_of_leaving(grid_, logits, options_.decoding.border_correction),
        costs_,
        options_.decoding);
  }

  // False when interrupted.
  bool measure(PathNote& note) {
    const EdgeValues gates = probed_gates();
    note.entropy = mean_entropy(gates);
    note.cost = differentiable::cost_share(grid_, gates, costs_);
    note.paths = decoded(gates);
    const int after = note.epoch + 1;
    if (after % search_.design.options.validate_every != 0 && after != options_.epochs) return true;
    const at::NoGradGuard no_grad;
    note.supernet_miou = quality_of(measured(relaxation_), lessons_.task());
    note.discrete_miou = quality_of(inherited(note.paths), lessons_.task());
    return note.supernet_miou && note.discrete_miou;
  }

  // By the gates' means over all pictures of their half, whole ones. False when interrupted.
  bool decide() {
    const at::NoGradGuard no_grad;
    GateMeans means(all_paths(search_.design.space));
    const std::vector<data::Sample>& pictures = search_.pictures.architecture;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      if (search_.context.stop.requested()) return false;
      pass(train::to_batch({pictures[i]}).pictures, means);
      search_.context.progress.advance({search_.task + ", gates",
                                        static_cast<double>(i + 1),
                                        static_cast<double>(pictures.size()),
                                        ""});
    }
    history_.gates = means.means();
    history_.deviations = means.deviations();
    history_.paths = decoded(history_.gates);
    return true;
  }

  void load() {
    if (fs::exists(search_.checkpoint)) {
      history_ =
          differentiable::path_search_history(training_.load(search_.checkpoint, signature_));
    } else if (options_.warm_up > 0 && fs::exists(warm_)) {
      history_ = differentiable::path_search_history(training_.load(warm_, warm_signature_));
    }
    history_.budget = regularizer_.share;
    if (!history_.epochs.empty())
      relaxation_.set_temperature(
          differentiable::gate_temperature(options_, history_.epochs.back().epoch));
  }

  const Search search_;
  const PathSearchOptions& options_;
  differentiable::PathRegularizerOptions regularizer_;
  const differentiable::GridCosts costs_;
  const fs::path warm_;
  const differentiable::Grid grid_;
  PathRelaxation relaxation_;
  Training training_;
  Lessons lessons_;
  const std::string warm_signature_, signature_;
  PathSearchHistory history_;
};

PathSearch::PathSearch(const Search& search,
                       space::GridCell cell,
                       double budget,
                       differentiable::GridCosts costs,
                       fs::path warm)
    : state_(std::make_unique<State>(
          search, std::move(cell), budget, std::move(costs), std::move(warm))) {}

PathSearch::~PathSearch() = default;

std::optional<PathSearchHistory> PathSearch::run() {
  return state_->run();
}

std::optional<objective::Scores> PathSearch::inherited(const std::vector<space::GridLayer>& paths) {
  return state_->inherited(paths);
}

}  // namespace parsimony::bilevel
