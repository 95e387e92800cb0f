/**
 * A growable array whose elements never move: address space for the most it may hold is reserved at once, memory is
 * taken as it grows. A vector would copy hundreds of megabytes while a block waits, and pointers into it would dangle.
 * Steps are of the size of a huge page, and the kernel is asked for huge pages: a walk touches a dozen random lines, and
 * with small pages each of them costs a miss in the page table as well.
 */
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <system_error>

namespace polytorus {

template <typename T>
class Arena {
 public:
  /** @throws std::system_error when address space is limited (ulimit -v) below what `maxCount` elements need. */
  explicit Arena(size_t maxCount) : maxCount_(maxCount), reservedBytes_(maxCount * sizeof(T) + kStepBytes) {
    reserved_ = mmap(nullptr, reservedBytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | kNoReserve, -1, 0);
    if (reserved_ == MAP_FAILED) fail("reserve address space for the state tree");
    const uintptr_t aligned = (reinterpret_cast<uintptr_t>(reserved_) + kStepBytes - 1) & ~(kStepBytes - 1);
    data_ = reinterpret_cast<T*>(aligned);
#ifdef MADV_HUGEPAGE
    madvise(data_, maxCount * sizeof(T), MADV_HUGEPAGE);  // Advice only: without huge pages it is slower, not wrong.
#endif
  }
  ~Arena() { munmap(reserved_, reservedBytes_); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t bytes() const { return takenBytes_; }

  /** Index of the first of so many more elements, all zero bytes. */
  uint32_t push(size_t more = 1) {
    if ((count_ + more) * sizeof(T) > takenBytes_) grow(more);
    const size_t first = count_;
    count_ += more;
    return uint32_t(first);
  }

 private:
  static constexpr size_t kStepBytes = size_t(2) << 20;  // A huge page of x86-64 and of 4 KiB-page ARM64.
#ifdef MAP_NORESERVE
  static constexpr int kNoReserve = MAP_NORESERVE;
#else
  static constexpr int kNoReserve = 0;
#endif

  [[noreturn]] static void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

  void grow(size_t more) {
    if (more > maxCount_ - count_) {
      errno = ENOMEM;
      fail("grow the state tree past its limit of nodes");
    }
    const size_t bytes = ((count_ + more) * sizeof(T) - takenBytes_ + kStepBytes - 1) / kStepBytes * kStepBytes;
    char* end = reinterpret_cast<char*>(data_) + takenBytes_;
    if (mprotect(end, bytes, PROT_READ | PROT_WRITE) != 0) fail("grow the state tree");
    takenBytes_ += bytes;
  }

  size_t maxCount_;
  size_t reservedBytes_;
  void* reserved_;
  T* data_;
  size_t count_ = 0;
  size_t takenBytes_ = 0;
};

}  // namespace polytorus
