/** Something is under way. */
export const Spinner = () => <span className="spinner" aria-hidden="true" />;
