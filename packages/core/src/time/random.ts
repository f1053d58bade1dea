/** Chance, as the rest of the library sees it: a number in [0, 1). */
export let random: () => number = () => Math.random();

const systemRandom = random;

/** Puts the whole process on another source of chance; without one, back on `Math.random`. */
export function useRandom(next: () => number = systemRandom): void {
  random = next;
}

/** Version 4 UUID (RFC 9562) from the source in use, so that a seeded test gets the same keys each time. */
export function uuid(): string {
  if (random === systemRandom) return globalThis.crypto.randomUUID();
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16));
  hex[12] = 4;
  hex[16] = 8 + ((hex[16] ?? 0) % 4);
  return hex
    .map((digit) => digit.toString(16))
    .join("")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** A repeatable source: mulberry32, a 32-bit generator by Tommy Ettinger, good enough to spread delays. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
