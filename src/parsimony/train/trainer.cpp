// SPDX-License-Identifier: Apache-2.0
#include "parsimony/train/trainer.h"

#include <chrono>
#include <cmath>
#include <map>
#include <memory>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/train/images.h"
#include "parsimony/train/measure.h"
#include "parsimony/train/teacher_maps.h"
#include "parsimony/weights/safetensors.h"

namespace parsimony::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMostTeacherBytes = 4.0 * (1 << 30);

// Changes with everything that decides the result beside the pictures.
std::string signature_of(const TrainerOptions& options,
                         const core::Rng& rng,
                         const network::Network* teacher) {
  std::string text = core::to_yaml(options) + std::to_string(rng.state());
  if (teacher != nullptr) {
    for (const auto& [name, array] : teacher->save().arrays)
      text += name + core::sha256(array.bytes);
  }
  return core::sha256(text);
}

// Everything that changes while training. Saved as one safetensors file: arrays under "network.",
// "best.", "encoder." and "decoder.", the rest as metadata.
class Training {
 public:
  Training(network::Network& network, const TrainerOptions& options, std::string signature)
      : network_(network),
        options_(options),
        signature_(std::move(signature)),
        encoder_(network.encoder(), options.encoder),
        decoder_(network.decoder(), options.decoder) {
    if (options.polyak == 0) return;
    if (!network.encoder().empty())
      averages_.emplace("encoder", PolyakAverage(network.encoder(), options.polyak));
    averages_.emplace("decoder", PolyakAverage(network.decoder(), options.polyak));
  }

  TrainerResult result;
  weights::ArrayMap best;

  void zero_gradients() {
    encoder_.zero_gradients();
    decoder_.zero_gradients();
  }

  // `step`: how many came before.
  void step(double rate_factor, std::int64_t step) {
    encoder_.step(rate_factor);
    decoder_.step(rate_factor);
    for (auto& [part, average] : averages_) average.update(step);
  }

  // The network has its averaged weights, if there are any, until this is called again.
  void swap_averages() {
    for (auto& [part, average] : averages_) average.swap_with_parameters();
  }

  void save(const std::filesystem::path& file) const {
    weights::ArrayMap map;
    add(map, "network.", network_.save());
    add(map, "best.", best);
    if (!network_.encoder().empty()) encoder_.save(map, "encoder");
    decoder_.save(map, "decoder");
    for (const auto& [part, average] : averages_) average.save(map, part);
    map.metadata["signature"] = signature_;
    map.metadata["epochs"] = std::to_string(result.epochs);
    map.metadata["best_epoch"] = std::to_string(result.best_epoch);
    map.metadata["best"] = fmt::format("{}", result.best);
    map.metadata["seconds"] = fmt::format("{}", result.seconds);
    std::string history;
    for (const EpochRecord& record : result.history) {
      history += fmt::format("{} {} {};", record.epoch, record.loss, record.quality.value_or(-1));
    }
    map.metadata["history"] = history;
    weights::write_safetensors(file, map);
  }

  void load(const std::filesystem::path& file) {
    const weights::ArrayMap map = weights::read_safetensors(file);
    const auto meta = [&](const std::string& key) -> const std::string& {
      const auto found = map.metadata.find(key);
      if (found == map.metadata.end())
        core::throw_user_error("{}: is not a training checkpoint (no '{}')", file.string(), key);
      return found->second;
    };
    if (meta("signature") != signature_) {
      core::throw_user_error(
          "{}: belongs to a training with other options or another seed; remove it to start over",
          file.string());
    }
    network_.load(part(map, "network."), file.string());
    best = part(map, "best.");
    if (!network_.encoder().empty()) encoder_.load(map, "encoder");
    decoder_.load(map, "decoder");
    for (auto& [part, average] : averages_) average.load(map, part);
    result.epochs = std::stoi(meta("epochs"));
    result.best_epoch = std::stoi(meta("best_epoch"));
    result.best = std::stod(meta("best"));
    result.seconds = std::stod(meta("seconds"));
    for (const std::string& entry : core::split(meta("history"), ';')) {
      const std::vector<std::string> fields = core::split(entry, ' ');
      if (fields.size() != 3) continue;
      const double quality = std::stod(fields[2]);
      result.history.push_back({std::stoi(fields[0]),
                                std::stod(fields[1]),
                                quality < 0 ? std::nullopt : std::optional<double>(quality)});
    }
  }

 private:
  static void add(weights::ArrayMap& map,
                  const std::string& prefix,
                  const weights::ArrayMap& from) {
    for (const auto& [name, array] : from.arrays) map.arrays[prefix + name] = array;
  }
  static weights::ArrayMap part(const weights::ArrayMap& map, const std::string& prefix) {
    weights::ArrayMap out;
    for (const auto& [name, array] : map.arrays) {
      if (name.starts_with(prefix)) out.arrays[name.substr(prefix.size())] = array;
    }
    return out;
  }

  network::Network& network_;
  const TrainerOptions& options_;
  std::string signature_;
  Optimizer encoder_, decoder_;
  std::map<std::string, PolyakAverage> averages_;  // of "encoder" and "decoder", or none
};

double rate_factor(const TrainerOptions& options, double progress) {
  const double decay = std::pow(1 - progress, options.poly_power);
  return options.warm_up > 0 && progress < options.warm_up ? decay * progress / options.warm_up
                                                           : decay;
}

// Who teaches, if anybody: the network itself, or what it has said of all pictures.
struct Teaching {
  network::Network* teacher = nullptr;
  std::unique_ptr<const TeacherMaps> maps;

  Tensor loss(const Tensor& output,
              const Batch& batch,
              const task::Task& task,
              const task::DistillationOptions& options) const {
    if (maps) {
      const TeacherMaps::Targets targets = maps->cut(batch, output.size(2), output.size(3));
      return task.distillation(output, targets.outputs, options, targets.inside);
    }
    const Tensor expected = [&] {
      const at::NoGradGuard no_grad;
      return teacher->logits({batch.pictures}, network::Phase::kEvaluation);
    }();
    return task.distillation(output, expected, options);
  }
};

// nullopt when interrupted.
std::optional<Teaching> teaching_of(network::Network* teacher,
                                    const std::vector<data::Sample>& samples,
                                    const task::Task& task,
                                    const TrainerOptions& options,
                                    const core::Context& context,
                                    const std::string& name) {
  Teaching teaching;
  if (teacher == nullptr || options.distillation.weight == 0) return teaching;
  teaching.teacher = teacher;
  if (options.teacher_view == TeacherView::kCrop) return teaching;
  const double bytes = TeacherMaps::bytes(samples, task.channels());
  if (bytes > kMostTeacherBytes) {
    core::throw_user_error(
        "{}: the teacher's outputs for {} pictures would take {} of memory, more than {}; set "
        "teacher_view: crop for this training, or distillation.weight to 0",
        name,
        samples.size(),
        core::human_bytes(bytes),
        core::human_bytes(kMostTeacherBytes));
  }
  teaching.maps =
      std::make_unique<TeacherMaps>(*teacher, task, samples, context, name + " teacher");
  if (!teaching.maps->complete()) return std::nullopt;
  return teaching;
}

// One epoch; the mean loss, or nothing when it was interrupted or diverged (then `end` says which).
std::optional<double> train_epoch(network::Network& network,
                                  Training& training,
                                  BatchStream& batches,
                                  const TrainerOptions& options,
                                  const task::Task& task,
                                  const core::Context& context,
                                  const std::string& name,
                                  const Teaching& teaching,
                                  const core::Rng& rng,
                                  TrainerEnd& end) {
  const std::int64_t count = batches.batches_per_epoch();
  const int epoch = training.result.epochs;
  const task::Learning learning{
      .kernels = network.options().kernels, .pixels = options.loss, .hard = options.ohem};
  const double steps = static_cast<double>(count) * options.epochs;
  double total = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (context.stop.requested()) {
      end = TrainerEnd::kInterrupted;
      return std::nullopt;
    }
    const Batch batch = batches.get(epoch, i);
    const std::int64_t step = epoch * count + i;
    const std::vector<Tensor> outputs = network.forward(
        {batch.pictures},
        network::Phase::kTraining,
        network::StepNoise(rng.split("noise").split(static_cast<std::uint64_t>(step)),
                           static_cast<double>(step) / steps));
    Tensor loss = task.loss(outputs[0], batch.labels, learning);
    const double main_loss = loss.item<double>();
    if (!std::isfinite(main_loss)) {
      end = TrainerEnd::kDiverged;
      return std::nullopt;
    }
    for (std::size_t k = 1; k < outputs.size() && options.auxiliary > 0; ++k) {
      const task::Labels labels = batch.labels.on_grid(outputs[k].size(2), outputs[k].size(3));
      loss = loss + options.auxiliary * task.loss(outputs[k], labels, learning);
    }
    if (teaching.teacher != nullptr) {
      loss = loss + options.distillation.weight *
                        teaching.loss(outputs[0], batch, task, options.distillation);
    }
    training.zero_gradients();
    torch::autograd::backward({loss}, {});
    const double factor = rate_factor(options, (static_cast<double>(step) + 0.5) / steps);
    training.step(factor, step);
    total += main_loss;
    std::string detail = fmt::format(
        "epoch {}/{}, loss {:.3f}", epoch + 1, options.epochs, total / static_cast<double>(i + 1));
    if (training.result.best_epoch > 0)
      detail += ", best " + task::quality_text(task, training.result.best);
    context.progress.advance({name, static_cast<double>(step + 1), steps, detail});
  }
  return total / static_cast<double>(count);
}

}  // namespace

void TrainerOptions::visit(core::FieldVisitor& v) {
  v.field("epochs", epochs, {"passes over the training pictures", 1, 100000});
  v.field("batch", batch, {"batch size", 1});
  v.field("validate_every",
          validate_every,
          {"epochs between validations; the best weights are kept", 1, 100000});
  v.group("augment", augment, "augmentation of the pictures");
  v.group("encoder", encoder, "optimiser of the encoder");
  v.group("decoder", decoder, "optimiser of the decoder");
  v.choice("loss",
           loss,
           task::kPixelLossNames,
           {"of classes: cross_entropy (of all labelled pixels) or ohem (of the hard ones alone)"});
  v.group("ohem", ohem, "which pixels are hard, for loss: ohem");
  v.field("auxiliary", auxiliary, {"weight of each auxiliary loss", 0});
  v.group("distillation", distillation, "learning from the study's teacher.model, if it has one");
  v.choice("teacher_view",
           teacher_view,
           kTeacherViewNames,
           {"picture (the teacher looks at whole pictures, once) or crop (at every crop)"});
  v.field(
      "poly_power", poly_power, {"the learning rate falls as (1 - progress) to this power", 0, 10});
  v.field(
      "polyak",
      polyak,
      {"decay per step of an average of the weights that takes their place; 0: none", 0, 0.99999});
  v.field("warm_up", warm_up, {"share of the training in which the rate rises from zero", 0, 1});
}

TrainerResult train_fully(network::Network& network,
                          const std::vector<data::Sample>& samples,
                          const std::vector<data::Sample>& validation,
                          const task::Task& task,
                          const TrainerOptions& options,
                          core::Rng rng,
                          const std::filesystem::path& checkpoint,
                          const core::Context& context,
                          const std::string& name,
                          network::Network* teacher) {
  Training training(network, options, signature_of(options, rng, teacher));
  if (!checkpoint.empty() && std::filesystem::exists(checkpoint)) training.load(checkpoint);
  TrainerResult& result = training.result;
  const std::optional<Teaching> teaching =
      result.epochs < options.epochs ? teaching_of(teacher, samples, task, options, context, name)
                                     : Teaching{};
  if (!teaching) {
    result.end = TrainerEnd::kInterrupted;
    return result;
  }
  BatchStream batches(
      samples, options.augment, options.batch, rng.split("pictures"), context.threads);

  while (result.epochs < options.epochs) {
    const auto start = Clock::now();
    TrainerEnd end = TrainerEnd::kFinished;
    const std::optional<double> loss =
        train_epoch(network, training, batches, options, task, context, name, *teaching, rng, end);
    if (!loss) {
      result.end = end;
      return result;
    }
    ++result.epochs;
    EpochRecord record{result.epochs, *loss, std::nullopt};
    if (result.epochs % options.validate_every == 0 || result.epochs == options.epochs) {
      training.swap_averages();
      const std::optional<objective::Scores> scores =
          measure_on_pictures(network, validation, task, context, name + " validation");
      if (!scores) {
        result.end = TrainerEnd::kInterrupted;  // the epoch is repeated from its checkpoint
        return result;
      }
      record.quality = scores->at(std::string(task.deciding()));
      if (*record.quality >= result.best) {
        result.best = *record.quality;
        result.best_epoch = result.epochs;
        training.best = network.save();
      }
      training.swap_averages();
    }
    result.history.push_back(record);
    result.seconds += std::chrono::duration<double>(Clock::now() - start).count();
    if (!checkpoint.empty()) training.save(checkpoint);
  }
  network.load(training.best, "the best weights");
  return result;
}

}  // namespace parsimony::train
