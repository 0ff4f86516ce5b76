// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/command.h"
#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/run/finalise.h"

namespace parsimony::cli {

Action declare_export(CLI::App& app) {
  struct Arguments {
    std::string model, file, output, input;
    bool raw = false;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("MODEL", arguments->model, "model folder")->required();
  app.add_option("FILE", arguments->file, "ONNX file to write")->required();
  app.add_option("--output",
                 arguments->output,
                 "logits, picture-logits or classes (default: as the model's own export)")
      ->check(CLI::IsMember({"logits", "picture-logits", "classes"}));
  app.add_option("--input",
                 arguments->input,
                 "HEIGHTxWIDTH of the picture (default: as the model's own export)");
  app.add_flag("--normalised-input",
               arguments->raw,
               "the caller normalises pictures; default: RGB values 0..255 where the model has it");
  return [arguments](Environment&) {
    run::ExportRequest request{.model = arguments->model, .file = arguments->file};
    if (!arguments->output.empty()) {
      for (std::size_t i = 0; i < deploy::kOutputKindNames.size(); ++i) {
        if (deploy::kOutputKindNames[i] == arguments->output)
          request.output = static_cast<deploy::OutputKind>(i);
      }
    }
    if (!arguments->input.empty()) {
      const std::vector<std::string> sides = core::split(arguments->input, 'x');
      graph::Size size;
      if (sides.size() == 2) size = {std::atoll(sides[0].c_str()), std::atoll(sides[1].c_str())};
      if (size.height < 1 || size.width < 1) {
        core::throw_user_error("--input {}: expected HEIGHTxWIDTH in pixels, for example 360x480",
                               arguments->input);
      }
      request.picture = size;
    }
    if (arguments->raw) request.normalise_inside = false;
    const deploy::Parity parity = run::export_model(request);
    fmt::print("{}: differs from LibTorch by {:.2g} of the largest logit in ONNX Runtime\n",
               arguments->file,
               parity.relative());
    return 0;
  };
}

}  // namespace parsimony::cli
