/**
 * Arguments of a call from JavaScript, one reader for each kind. A reader answers what it was promised or throws: a TypeError
 * for another type, a RangeError for an array that is too short, detached or not aligned, or for a number out of its range. The
 * message says which argument, what was expected and what came.
 * Always
 *  - Arrays belong to JavaScript. They stay where they are as long as no JavaScript runs: until the call returns.
 */
#pragma once

#include <napi.h>

#include <string>
#include <type_traits>
#include <vector>

#include "../bytes.h"

namespace polytorus {

using Info = Napi::CallbackInfo;

/** Why this is no array of `type` with `least` elements. For one that lies in a list, `index` is the list's. */
[[noreturn]] void refuseArray(Napi::Env env, napi_value value, size_t index, napi_typedarray_type type, size_t least);

/** Why this is no number from 0 to `max`. @param what it is, in the message. */
[[noreturn]] void refuseNumber(Napi::Env env, const std::string& what, uint64_t max, double received);

bool isDetached(Napi::Env env, napi_value typedArray);

template <typename Element>
constexpr napi_typedarray_type kTypeOf = std::is_same_v<Element, double>     ? napi_float64_array
                                         : std::is_same_v<Element, uint32_t> ? napi_uint32_array
                                         : std::is_same_v<Element, int32_t>  ? napi_int32_array
                                                                             : napi_uint8_array;

/** One call of Node's where nothing is wrong: this is done several times for every request. */
template <typename Element>
Span<Element> elementsOf(Napi::Env env, napi_value value, size_t index, size_t least = 0) {
  napi_typedarray_type type{};
  void* data = nullptr;
  size_t count = 0;
  const bool isArray = napi_get_typedarray_info(env, value, &type, &count, &data, nullptr, nullptr) == napi_ok;
  const bool isFit = isArray && type == kTypeOf<Element> && count >= least &&
                     reinterpret_cast<uintptr_t>(data) % alignof(Element) == 0 && (count > 0 || !isDetached(env, value));
  if (!isFit) refuseArray(env, value, index, kTypeOf<Element>, least);
  return {static_cast<Element*>(data), count};
}

template <typename Element>
Span<Element> elementsAt(const Info& info, size_t index, size_t least = 0) {
  return elementsOf<Element>(info.Env(), info[index], index, least);
}

inline Bytes bytesAt(const Info& info, size_t index, size_t least = 0) {
  const Span<uint8_t> bytes = elementsAt<uint8_t>(info, index, least);
  return {bytes.data, bytes.size};
}

/** An array of exactly so many bytes. */
const uint8_t* exactBytesAt(const Info& info, size_t index, size_t bytes);

/** An array of arrays. */
std::vector<Bytes> listOfBytesAt(const Info& info, size_t index);

/** Whole, from 0 to `max`, which doubles hold exactly. */
uint64_t wholeNumberAt(const Info& info, size_t index, uint64_t max);

inline uint32_t numberAt(const Info& info, size_t index) { return uint32_t(wholeNumberAt(info, index, UINT32_MAX)); }

bool flagAt(const Info& info, size_t index);

/** Without zero bytes: it names things, and files. */
std::string textAt(const Info& info, size_t index);

/** One of an array of numbers, from 0 to 2^53 or to what `Number` holds, and whole unless `Number` is a double. */
template <typename Number>
Number numberFrom(Napi::Env env, double number, size_t place) {
  constexpr double kMax = std::is_same_v<Number, bool> ? 1 : std::is_same_v<Number, uint32_t> ? double(UINT32_MAX) : 0x1p53;
  if (number >= 0 && number <= kMax && double(Number(number)) == number) return Number(number);
  refuseNumber(env, "number " + std::to_string(place), uint64_t(kMax), number);
}

Napi::Uint8Array copyOf(Napi::Env env, Bytes bytes);

}  // namespace polytorus
