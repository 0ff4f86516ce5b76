// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <iostream>

#include "parsimony/deploy/ort.h"

namespace parsimony::deploy::testing {

// Base of tests that run networks in ONNX Runtime; skipped, loudly, where it is not installed.
class NeedsOrt : public ::testing::Test {
 protected:
  void SetUp() override {
    if (OrtSession::available()) return;
    std::cerr << "SKIPPED, the export is NOT checked: " << OrtSession::unavailable_reason()
              << std::endl;
    GTEST_SKIP() << OrtSession::unavailable_reason();
  }
};

}  // namespace parsimony::deploy::testing
