// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/device.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "parsimony/core/error.h"

namespace parsimony::network {
namespace {

// A device without memory, of which only the streams can be watched.
class PretendedDevice final : public c10::impl::DeviceGuardImplInterface {
 public:
  static constexpr auto kType = c10::DeviceType::PrivateUse1;
  static at::Device device() { return {kType, 0}; }
  static c10::StreamId current() { return current_; }
  static int given() { return given_; }
  static int waited() { return waited_; }

  c10::DeviceType type() const override { return kType; }
  c10::Device exchangeDevice(c10::Device) const override { return device(); }
  c10::Device getDevice() const override { return device(); }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const noexcept override { return stream(current_); }
  c10::Stream getStreamFromGlobalPool(c10::Device, bool) const override { return stream(++given_); }
  c10::Stream exchangeStream(c10::Stream next) const noexcept override {
    const c10::Stream before = stream(current_);
    current_ = next.id();
    return before;
  }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  void synchronizeStream(const c10::Stream& waited_for) const override {
    EXPECT_EQ(waited_for.id(), current_);
    ++waited_;
  }

 private:
  static c10::Stream stream(c10::StreamId id) {
    return c10::Stream(c10::Stream::UNSAFE, device(), id);
  }
  static inline thread_local c10::StreamId current_ = 0;
  static inline std::atomic<int> given_ = 0;
  static inline std::atomic<int> waited_ = 0;
};
const c10::impl::DeviceGuardImplRegistrar registered(PretendedDevice::kType, new PretendedDevice);

TEST(OwnStream, IsTheThreadsOwnAndTheSameEachTime) {
  c10::StreamId here = 0;
  c10::StreamId there = 0;
  {
    const OwnStream stream(PretendedDevice::device());
    here = PretendedDevice::current();
    EXPECT_NE(here, 0);
    std::thread([&] {
      const OwnStream other(PretendedDevice::device());
      there = PretendedDevice::current();
    }).join();
    EXPECT_EQ(PretendedDevice::current(), here);
  }
  EXPECT_EQ(PretendedDevice::current(), 0);
  EXPECT_NE(there, 0);
  EXPECT_NE(there, here);
  const int given = PretendedDevice::given();
  const OwnStream again(PretendedDevice::device());
  EXPECT_EQ(PretendedDevice::current(), here);
  EXPECT_EQ(PretendedDevice::given(), given);
}

TEST(OwnStream, ACpuHasNone) {
  const int given = PretendedDevice::given();
  const OwnStream stream(at::kCPU);
  EXPECT_EQ(PretendedDevice::given(), given);
}

TEST(WaitFor, WaitsForTheCallingThreadsStream) {
  const int before = PretendedDevice::waited();
  wait_for(at::kCPU);
  EXPECT_EQ(PretendedDevice::waited(), before);
  const OwnStream stream(PretendedDevice::device());
  wait_for(PretendedDevice::device());
  EXPECT_EQ(PretendedDevice::waited(), before + 1);
}

TEST(DeviceOf, KnowsTheCpuAndRefusesWhatIsNotThere) {
  EXPECT_EQ(device_of("cpu"), at::Device(at::kCPU));
  for (const char* name : {"gpu", "", "cuda:", "cuda:x", "cuda:-1", "cuda0", "CPU"}) {
    try {
      device_of(name);
      ADD_FAILURE() << name;
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
      EXPECT_NE(std::string(error.what()).find("expected cpu, cuda, cuda:N or auto"),
                std::string::npos)
          << error.what();
    }
  }
  EXPECT_THROW(device_of("cuda:127"), core::Error);
  const at::Device automatic = device_of("auto");
  if (at::hasCUDA()) GTEST_SKIP() << "what follows is for a LibTorch without CUDA";
  EXPECT_TRUE(automatic.is_cpu());
  try {
    device_of("cuda");
    ADD_FAILURE();
  } catch (const core::Error& error) {
    EXPECT_STREQ(error.what(),
                 "device 'cuda' is not there: LibTorch was built without CUDA; 'cpu' always is");
  }
}

}  // namespace
}  // namespace parsimony::network
