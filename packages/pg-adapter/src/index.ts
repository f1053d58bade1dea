/** Resilience for pg pools. */
export {};
