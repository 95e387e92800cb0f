/**
 * TFHE through Node-API: typed arrays in, typed arrays out. Each thread that loads the addon has its own handles, and what it
 * still holds is released with it, so a worker that is killed leaks no key.
 */
#include <cstring>
#include <map>
#include <memory>

#include "../tfhe/evaluate.h"
#include "../tfhe/key_cache.h"
#include "../tfhe/secret_key.h"
#include "exposed.h"

#ifdef POLYTORUS_TEST_DIMENSION
#error "keys of a test's dimension hide nothing"
#endif

namespace polytorus {
namespace {

using namespace tfhe;

/** The keys that one thread holds. */
struct HeldKeys {
  uint32_t next = 1;
  std::map<uint32_t, SharedKey> keys;
};

/** Whole ciphertexts of `set`. */
Span<uint32_t> ciphertextsAt(const Info& info, size_t index, const ParameterSet& set) {
  const Span<uint32_t> words = elementsAt<uint32_t>(info, index);
  if (words.size % set.words() != 0) {
    throw Napi::RangeError::New(info.Env(), "argument " + std::to_string(index) + " must hold ciphertexts of " +
                                                std::to_string(set.words()) + " words each, received " +
                                                std::to_string(words.size) + " words");
  }
  return words;
}

const Kernel& kernelAt(const Info& info, size_t index) { return requireKernel(textAt(info, index).c_str()); }

HeldKeys& heldKeys(Napi::Env env) { return *env.GetInstanceData<HeldKeys>(); }

const SharedKey& keyAt(const Info& info, size_t index) {
  auto& keys = heldKeys(info.Env()).keys;
  const auto held = keys.find(numberAt(info, index));
  if (held == keys.end()) throw Napi::Error::New(info.Env(), "this evaluation key was released");
  return held->second;
}

Napi::Value parameterSets(const Info& info) {
  const Napi::Env env = info.Env();
  Napi::Array list = Napi::Array::New(env, kParameterSetCount);
  for (uint32_t i = 0; i < kParameterSetCount; i++) {
    const ParameterSet& set = kParameterSets[i];
    const NoisePrediction noise = predictNoise(set);
    Napi::Object item = Napi::Object::New(env);
    item["id"] = Napi::Number::New(env, set.id);
    item["name"] = Napi::String::New(env, set.name);
    item["source"] = Napi::String::New(env, set.source);
    item["lweSecurityBits"] = Napi::Number::New(env, set.lweSecurityBits);
    item["glweSecurityBits"] = Napi::Number::New(env, set.glweSecurityBits);
    item["failureLog2"] = Napi::Number::New(env, noise.failureLog2(3));
    item["outputNoiseSigma"] = Napi::Number::New(env, noise.outputSigma());
    item["ciphertextWords"] = Napi::Number::New(env, set.words());
    item["residentKeyBytes"] = Napi::Number::New(env, double(EvaluationKey::residentBytesOf(set)));
    list[i] = item;
  }
  return list;
}

/** (parameterSet) */
Napi::Value generateKeys(const Info& info) {
  const SecretKey::Pair pair = SecretKey::generate(requireParameterSet(numberAt(info, 0)));
  Napi::Object keys = Napi::Object::New(info.Env());
  keys["secretKey"] = copyOf(info.Env(), {pair.secretKey.data(), pair.secretKey.size()});
  keys["evaluationKey"] = copyOf(info.Env(), {pair.evaluationKey.data(), pair.evaluationKey.size()});
  return keys;
}

SecretKey secretKeyAt(const Info& info, size_t index) { return SecretKey::parse(bytesAt(info, index)); }

/** (secretKey) → which evaluation key and parameter set it belongs to. */
Napi::Value describeSecretKey(const Info& info) {
  const SecretKey key = secretKeyAt(info, 0);
  Napi::Object about = Napi::Object::New(info.Env());
  about["keyId"] = copyOf(info.Env(), {key.keyId(), kKeyIdBytes});
  about["parameterSet"] = Napi::Number::New(info.Env(), key.set().id);
  return about;
}

/** (secretKey, bits, context) */
Napi::Value encrypt(const Info& info) {
  const Bytes bits = bytesAt(info, 1);
  const ByteVector file = secretKeyAt(info, 0).encrypt(bits.data, bits.size, exactBytesAt(info, 2, kContextBytes));
  return copyOf(info.Env(), {file.data(), file.size()});
}

/** (secretKey, words) */
Napi::Value decrypt(const Info& info) {
  const SecretKey key = secretKeyAt(info, 0);
  const Span<uint32_t> words = ciphertextsAt(info, 1, key.set());
  const size_t count = words.size / key.set().words();
  Napi::Uint8Array bits = Napi::Uint8Array::New(info.Env(), count);
  key.decrypt(words.data, count, bits.Data());
  return bits;
}

/** (secretKey, words) */
Napi::Value phases(const Info& info) {
  const SecretKey key = secretKeyAt(info, 0);
  const Span<uint32_t> words = ciphertextsAt(info, 1, key.set());
  const size_t count = words.size / key.set().words();
  Napi::Int32Array out = Napi::Int32Array::New(info.Env(), count);
  key.phases(words.data, count, out.Data());
  return out;
}

/** (file) */
Napi::Value expand(const Info& info) {
  const Ciphertexts ciphertexts = expandCiphertexts(bytesAt(info, 0));
  Napi::Object out = Napi::Object::New(info.Env());
  out["parameterSet"] = Napi::Number::New(info.Env(), ciphertexts.set->id);
  out["keyId"] = copyOf(info.Env(), {ciphertexts.keyId, kKeyIdBytes});
  out["context"] = copyOf(info.Env(), {ciphertexts.context, kContextBytes});
  Napi::Uint32Array words = Napi::Uint32Array::New(info.Env(), ciphertexts.words.size());
  if (!ciphertexts.words.empty()) std::memcpy(words.Data(), ciphertexts.words.data(), 4 * ciphertexts.words.size());
  out["words"] = words;
  return out;
}

/** (parameterSet, keyId, context, words) */
Napi::Value write(const Info& info) {
  const ParameterSet& set = requireParameterSet(numberAt(info, 0));
  const uint8_t* keyId = exactBytesAt(info, 1, kKeyIdBytes);
  const uint8_t* context = exactBytesAt(info, 2, kContextBytes);
  const Span<uint32_t> words = ciphertextsAt(info, 3, set);
  const ByteVector file = writeCiphertexts(set, keyId, context, words.data, words.size / set.words());
  return copyOf(info.Env(), {file.data(), file.size()});
}

Napi::Value hold(Napi::Env env, SharedKey key) {
  HeldKeys& held = heldKeys(env);
  Napi::Object out = Napi::Object::New(env);
  out["handle"] = Napi::Number::New(env, held.next);
  out["keyId"] = copyOf(env, {key->keyId(), kKeyIdBytes});
  out["parameterSet"] = Napi::Number::New(env, key->set().id);
  out["kernel"] = Napi::String::New(env, key->kernel().name);
  out["residentBytes"] = Napi::Number::New(env, double(key->residentBytes()));
  held.keys.emplace(held.next++, std::move(key));
  return out;
}

/** (file, kernel or "") */
Napi::Value loadKey(const Info& info) {
  return hold(info.Env(), KeyCache::ofProcess().load(bytesAt(info, 0), kernelAt(info, 1)));
}

/** (keyId, kernel or ""): undefined when no thread has loaded it. */
Napi::Value attachKey(const Info& info) {
  SharedKey key = KeyCache::ofProcess().find(exactBytesAt(info, 0, kKeyIdBytes), kernelAt(info, 1));
  return key ? hold(info.Env(), std::move(key)) : info.Env().Undefined();
}

/** (handle): false when it was released before. */
Napi::Value releaseKey(const Info& info) {
  return Napi::Boolean::New(info.Env(), heldKeys(info.Env()).keys.erase(numberAt(info, 0)) == 1);
}

/** (maxBytes or undefined) */
Napi::Value keyCache(const Info& info) {
  constexpr uint64_t kMaxBytes = uint64_t(1) << 53;
  if (!info[0].IsUndefined()) KeyCache::ofProcess().setMaxBytes(wholeNumberAt(info, 0, kMaxBytes));
  const KeyCache::Use use = KeyCache::ofProcess().use();
  Napi::Object out = Napi::Object::New(info.Env());
  out["keys"] = Napi::Number::New(info.Env(), double(use.keys));
  out["residentBytes"] = Napi::Number::New(info.Env(), double(use.residentBytes));
  out["maxBytes"] = Napi::Number::New(info.Env(), double(use.maxBytes));
  return out;
}

/** (handle, arena, gates, levelEnds, threads, control) */
Napi::Value evaluateGates(const Info& info) {
  static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t) && std::atomic<int32_t>::is_always_lock_free);
  const SharedKey key = keyAt(info, 0);
  const Span<uint32_t> arena = ciphertextsAt(info, 1, key->set()), gates = elementsAt<uint32_t>(info, 2),
                       levels = elementsAt<uint32_t>(info, 3);
  if (gates.size % kGateWords != 0) {
    throw Napi::RangeError::New(info.Env(), "argument 2: expected gates of " + std::to_string(kGateWords) +
                                                " words each, received " + std::to_string(gates.size) + " words");
  }
  // Cancel, done.
  auto* flags = reinterpret_cast<std::atomic<int32_t>*>(elementsAt<int32_t>(info, 5, 2).data);
  // Copies: the arrays may lie in memory that other threads write to, and what was checked must be what runs.
  const std::vector<uint32_t> gateWords(gates.data, gates.data + gates.size), levelEnds(levels.data, levels.data + levels.size);
  const Program program{gateWords.data(), gateWords.size() / kGateWords, levelEnds.data(), levelEnds.size()};
  const Evaluation result =
      evaluate(*key, arena.data, arena.size / key->set().words(), program, numberAt(info, 4), {flags, flags + 1});
  Napi::Object out = Napi::Object::New(info.Env());
  out["levels"] = Napi::Number::New(info.Env(), double(result.levels));
  out["bootstraps"] = Napi::Number::New(info.Env(), double(result.bootstraps));
  return out;
}

}  // namespace

void exposeTfhe(Napi::Object exports) {
  const Napi::Env env = exports.Env();
  env.SetInstanceData(new HeldKeys);
  Napi::Object tfhe = Napi::Object::New(env);
  expose<parameterSets>(tfhe, "parameterSets");
  expose<generateKeys>(tfhe, "generateKeys");
  expose<describeSecretKey>(tfhe, "describeSecretKey");
  expose<encrypt>(tfhe, "encrypt");
  expose<decrypt>(tfhe, "decrypt");
  expose<phases>(tfhe, "phases");
  expose<expand>(tfhe, "expand");
  expose<write>(tfhe, "write");
  expose<loadKey>(tfhe, "loadKey");
  expose<attachKey>(tfhe, "attachKey");
  expose<releaseKey>(tfhe, "releaseKey");
  expose<keyCache>(tfhe, "keyCache");
  expose<evaluateGates>(tfhe, "evaluate");
  exports["tfhe"] = tfhe;
}

}  // namespace polytorus
