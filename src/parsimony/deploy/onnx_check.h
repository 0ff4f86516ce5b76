// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <onnx/onnx_pb.h>

namespace parsimony::deploy {

// Runs ONNX's own checker and its strict shape inference, which writes the shapes of all
// intermediate results into the model. An internal error with the checker's text when it objects:
// we wrote something that is no ONNX.
void check_onnx(onnx::ModelProto& model);

}  // namespace parsimony::deploy
