// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/onnx_check.h"

#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include <exception>

#include "parsimony/core/error.h"

namespace parsimony::deploy {

void check_onnx(onnx::ModelProto& model) {
  try {
    onnx::checker::check_model(model);
    const onnx::ShapeInferenceOptions strict(
        /*check_type_val=*/true, /*strict_mode_val=*/1, /*data_prop_val=*/true);
    onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strict);
  } catch (const std::exception& error) {
    core::throw_internal_error("the exported network is no valid ONNX model: {}", error.what());
  }
}

}  // namespace parsimony::deploy
