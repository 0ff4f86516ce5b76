// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/pickle.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/weights/printable.h"
#include "parsimony/weights/torch_globals.h"

namespace parsimony::weights::pickle {
namespace {

// Instructions as Python's pickletools names them.
enum Opcode : std::uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kEmptyDict = '}',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kList = 'l',
  kEmptyList = ']',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kEmptyTuple = ')',
  kSetItems = 'u',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96,
};

constexpr int kFirstProtocol = 2;
constexpr int kLastProtocol = 5;

}  // namespace

struct Machine::Step {
  Machine& machine;
  ByteReader& in;
  std::vector<Value*> stack;
  std::vector<std::size_t> marks;  // heights of the stack
  std::unordered_map<std::uint32_t, Value*> memo;

  Value* run() {
    while (true) {
      const std::uint8_t opcode = in.u8();
      if (opcode == kStop) return pop();
      execute(opcode);
    }
  }

  void execute(std::uint8_t opcode) {
    switch (opcode) {
      case kProto:
        check_protocol(in.u8());
        break;
      case kFrame:
        in.take(8);
        break;
      case kMark:
        marks.push_back(stack.size());
        break;
      case kPop:
        pop();
        break;
      case kPopMark:
        pop_to_mark();
        break;
      case kDup:
        stack.push_back(top());
        break;

      case kNone:
        push(None{});
        break;
      case kNewTrue:
        push(true);
        break;
      case kNewFalse:
        push(false);
        break;
      case kBinInt:
        push<std::int64_t>(static_cast<std::int32_t>(in.u32()));
        break;
      case kBinInt1:
        push<std::int64_t>(in.u8());
        break;
      case kBinInt2:
        push<std::int64_t>(in.u16());
        break;
      case kLong1:
        push_long(in.take_text(in.u8()));
        break;
      case kLong4:
        push_long(in.take_text(in.u32()));
        break;
      case kBinFloat:
        push(std::bit_cast<double>(__builtin_bswap64(in.u64())));
        break;
      case kShortBinUnicode:
      case kShortBinString:
        push(std::string(in.take_text(in.u8())));
        break;
      case kBinUnicode:
      case kBinString:
        push(std::string(in.take_text(in.u32())));
        break;
      case kBinUnicode8:
        push(std::string(in.take_text(in.u64())));
        break;
      case kShortBinBytes:
        skip_bytes(in.u8());
        break;
      case kBinBytes:
        skip_bytes(in.u32());
        break;
      case kBinBytes8:
      case kByteArray8:
        skip_bytes(in.u64());
        break;

      case kEmptyList:
      case kEmptyTuple:
      case kEmptySet:
        push(Sequence{});
        break;
      case kList:
      case kTuple:
      case kFrozenSet:
        push(Sequence{pop_to_mark()});
        break;
      case kTuple1:
        push(Sequence{pop_items(1)});
        break;
      case kTuple2:
        push(Sequence{pop_items(2)});
        break;
      case kTuple3:
        push(Sequence{pop_items(3)});
        break;
      case kAppend:
        append(pop_items(1));
        break;
      case kAppends:
      case kAddItems:
        append(pop_to_mark());
        break;
      case kEmptyDict:
        push(Dict{});
        break;
      case kDict:
        push_dict(pop_to_mark());
        break;
      case kSetItem:
        set_items(pop_items(2));
        break;
      case kSetItems:
        set_items(pop_to_mark());
        break;

      case kBinPut:
        memo[in.u8()] = top();
        break;
      case kLongBinPut:
        memo[in.u32()] = top();
        break;
      case kMemoize:
        memo[static_cast<std::uint32_t>(memo.size())] = top();
        break;
      case kBinGet:
        stack.push_back(recall(in.u8()));
        break;
      case kLongBinGet:
        stack.push_back(recall(in.u32()));
        break;

      case kGlobal:
        push_global();
        break;
      case kStackGlobal:
        push_stack_global();
        break;
      case kReduce:
        reduce();
        break;
      case kBuild:
        build();
        break;
      case kBinPersId:
        push_storage();
        break;
      default:
        core::throw_user_error(
            "{}: pickle instruction 0x{:02x} before byte {} is none that a state dict needs. It "
            "was not "
            "run. In Python, save only the weights: torch.save(model.state_dict(), FILE).",
            in.origin(),
            opcode,
            in.position());
    }
  }

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    core::throw_user_error("{}: broken pickle before byte {}: {}; get the file again.",
                           in.origin(),
                           in.position(),
                           fmt::format(format, std::forward<Args>(args)...));
  }

  void check_protocol(int protocol) const {
    if (protocol < kFirstProtocol || protocol > kLastProtocol) {
      fail("protocol {}, expected {} to {}", protocol, kFirstProtocol, kLastProtocol);
    }
  }

  template <typename T>
  void push(T data) {
    Value value{std::move(data)};
    machine.budget_.spend(footprint(value));
    stack.push_back(&machine.values_.emplace_back(std::move(value)));
  }

  // Items below the last mark belong to an enclosing value and cannot be taken.
  std::size_t available() const { return stack.size() - (marks.empty() ? 0 : marks.back()); }

  Value* top() const {
    if (available() == 0) fail("no value where one is needed");
    return stack.back();
  }

  Value* pop() {
    Value* value = top();
    stack.pop_back();
    return value;
  }

  std::vector<Value*> pop_items(std::size_t count) {
    if (available() < count) fail("{} values where {} are needed", available(), count);
    std::vector<Value*> items(stack.end() - static_cast<std::ptrdiff_t>(count), stack.end());
    stack.resize(stack.size() - count);
    return items;
  }

  std::vector<Value*> pop_to_mark() {
    if (marks.empty()) fail("no mark where one is needed");
    std::vector<Value*> items = pop_items(available());
    marks.pop_back();
    return items;
  }

  Value* recall(std::uint32_t index) const {
    const auto found = memo.find(index);
    if (found == memo.end()) fail("value {} is not known", index);
    return found->second;
  }

  void push_long(std::string_view bytes) {
    if (bytes.size() > sizeof(std::int64_t)) return push(BigInteger{std::string(bytes)});
    const bool negative = !bytes.empty() && (static_cast<std::uint8_t>(bytes.back()) & 0x80U) != 0;
    std::int64_t number = negative ? -1 : 0;  // the sign fills the bytes that are left out
    std::memcpy(&number, bytes.data(), bytes.size());
    push(number);
  }

  void skip_bytes(std::uint64_t count) {
    in.take(count);
    push(Opaque{});
  }

  void append(const std::vector<Value*>& items) {
    Value* target = top();
    auto* list = target->as<Sequence>();
    if (list == nullptr) fail("items are added to {}", kind_of(*target));
    list->items.insert(list->items.end(), items.begin(), items.end());
  }

  void push_dict(const std::vector<Value*>& items) {
    push(Dict{});
    set_items(items);
  }

  void set_items(const std::vector<Value*>& items) {
    Value* target = top();
    auto* dict = target->as<Dict>();
    if (dict == nullptr) fail("keys are set in {}", kind_of(*target));
    if (items.size() % 2 != 0) fail("a key without a value");
    for (std::size_t i = 0; i < items.size(); i += 2) {
      dict->items.emplace_back(items[i], items[i + 1]);
    }
  }

  void push_global() {
    const std::string_view module = in.take_line();
    push(find_global(module, in.take_line(), in.origin()));
  }

  void push_stack_global() {
    const std::vector<Value*> names = pop_items(2);
    const auto* module = names[0]->as<std::string>();
    const auto* name = names[1]->as<std::string>();
    if (module == nullptr || name == nullptr) fail("a global name that is no text");
    push(find_global(*module, *name, in.origin()));
  }

  void reduce() {
    const std::vector<Value*> operands = pop_items(2);
    const auto* function = operands[0]->as<Global>();
    const auto* arguments = operands[1]->as<Sequence>();
    if (function == nullptr) fail("a call of {}", kind_of(*operands[0]));
    if (arguments == nullptr) fail("a call with {}", kind_of(*operands[1]));
    push(std::move(call(*function, arguments->items, in.origin()).data));
  }

  // Attributes beside the content (the versions in `state_dict()._metadata`) carry no weights.
  void build() {
    pop();
    const Value* target = top();
    if (target->as<Dict>() == nullptr && target->as<Opaque>() == nullptr) {
      fail("attributes are set on {}", kind_of(*target));
    }
  }

  void push_storage() {
    Storage storage = load_storage(*pop(), in.origin());
    const auto [known, added] = machine.storages_.emplace(storage.key, storage);
    if (known->second.type != storage.type || known->second.count != storage.count) {
      fail("storage '{}' is {} elements of {} and {} of {}",
           printable(storage.key),
           known->second.count,
           name_of(known->second.type),
           storage.count,
           name_of(storage.type));
    }
    push(std::move(storage));
  }
};

Value* Machine::run(ByteReader& in) {
  return Step{*this, in, {}, {}, {}}.run();
}

}  // namespace parsimony::weights::pickle
