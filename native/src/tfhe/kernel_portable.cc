/** Two lanes, without fused multiply-add: what every x86-64 has, and whatever else the compiler builds for. */
#include "blind_rotation.h"

#include <cstdlib>
#include <cstring>

namespace polytorus::tfhe {
namespace {

struct PortableVector {
  static constexpr uint32_t kLanes = 2;
  typedef double D __attribute__((vector_size(16)));
  typedef uint32_t I __attribute__((vector_size(8)));
  typedef uint64_t Q __attribute__((vector_size(16)));

  static POLYTORUS_INLINE D load(const double* p) {
    D x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }
  static POLYTORUS_INLINE void store(double* p, D x) { std::memcpy(p, &x, sizeof x); }
  static POLYTORUS_INLINE I loadWords(const uint32_t* p) {
    I x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }
  static POLYTORUS_INLINE void storeWords(uint32_t* p, I x) { std::memcpy(p, &x, sizeof x); }
  static POLYTORUS_INLINE D broadcast(double x) { return D{x, x}; }
  static POLYTORUS_INLINE Q widen(I x) { return Q{x[0], x[1]}; }
  /** Adding 1.5·2^52 leaves the integer in the low bits of the significand. */
  static POLYTORUS_INLINE I roundToWords(D x) {
    const Q bits = Q(x + 0x1.8p52);
    return I{uint32_t(bits[0]), uint32_t(bits[1])};
  }
  /** c + a·b, c - a·b, 2c - u. */
  static POLYTORUS_INLINE D addProduct(D c, D a, D b) { return c + a * b; }
  static POLYTORUS_INLINE D subtractProduct(D c, D a, D b) { return c - a * b; }
  static POLYTORUS_INLINE D twiceMinus(D c, D u) { return (c + c) - u; }
  static POLYTORUS_INLINE void transpose(D (&x)[2]) {
    const D a = x[0], b = x[1];
    x[0] = D{a[0], b[0]};
    x[1] = D{a[1], b[1]};
  }
};

}  // namespace

const Kernel kPortableKernel = KernelOf<PortableVector>::make("portable");

const Kernel& requireKernel(const char* name) {
  if (name[0] == 0) {
    const char* forced = std::getenv("POLYTORUS_TFHE_ISA");
    if (forced && forced[0] != 0) return requireKernel(forced);
  }
  const Kernel* const kernels[] = {avx512Kernel(), avx2Kernel(), &kPortableKernel};
  const char* const names[] = {"avx512", "avx2", "portable"};
  for (int i = 0; i < 3; i++) {
    if (name[0] == 0 && kernels[i]) return *kernels[i];
    if (std::strcmp(name, names[i]) != 0) continue;
    if (kernels[i]) return *kernels[i];
    throw Refused("KERNEL_UNAVAILABLE", std::string("this processor does not run the kernel ") + name);
  }
  throw Refused("KERNEL_UNKNOWN", std::string("kernel must be portable, avx2 or avx512, not ") + name);
}

}  // namespace polytorus::tfhe
