import type { ReactNode } from "react";

// Drawn on a grid of 16, in the colour of the text around them. Whoever uses one says its name.

const icon = (drawing: ReactNode) => (
  <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
    <g fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round">
      {drawing}
    </g>
  </svg>
);

export const ListIcon = () => icon(<path d="M2.5 4h11M2.5 8h11M2.5 12h7" />);
export const CloseIcon = () => icon(<path d="M4 4l8 8M12 4l-8 8" />);
export const TickIcon = () => icon(<path d="M3.5 8.5l3 3 6-7" />);
export const CrossIcon = () => icon(<path d="M5 5l6 6M11 5l-6 6" />);
export const SendIcon = () => icon(<path d="M8 13V3.5M4 7.5l4-4 4 4" />);
export const DownIcon = () => icon(<path d="M8 3v9.5M4 8.5l4 4 4-4" />);
export const ChevronIcon = () => icon(<path d="M6 4l4 4-4 4" />);
export const CommitIcon = () =>
  icon(
    <>
      <circle cx="8" cy="8" r="2.6" />
      <path d="M1.5 8h3.9M10.6 8h3.9" />
    </>,
  );
export const ThumbUpIcon = () =>
  icon(<path d="M2.5 7.5h2v6h-2zM4.5 7.5l3-5.2c1.1 0 1.8.9 1.6 2L8.700 6.500h3.600c.8 0 1.400.8 1.200 1.600l-1.100 4.300c-.2.7-.7 1.100-1.400 1.100H4.500" />);
export const ThumbDownIcon = () => (
  <span className="turned">
    <ThumbUpIcon />
  </span>
);

/** The mark of the product: a bee's way through its dance. */
export const Mark = () => (
  <svg className="mark" viewBox="0 0 32 32" width="24" height="24" aria-hidden="true" focusable="false">
    <rect width="32" height="32" rx="8" />
    <path d="M6 11l4 11 3.600-9h4.800l3.600 9 4-11" />
  </svg>
);
