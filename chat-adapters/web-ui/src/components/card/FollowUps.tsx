import { useState } from "react";

interface Props {
  label?: string;
  questions: string[];
  onAsk(text: string): Promise<boolean>;
}

/** Questions to press. */
export function FollowUps({ label, questions, onAsk }: Props) {
  const [asking, setAsking] = useState<string | null>(null);
  if (questions.length === 0) return null;
  const ask = async (question: string) => {
    setAsking(question);
    await onAsk(question);
    setAsking(null);
  };
  return (
    <div className="follow-ups" role="group" aria-label={label}>
      {questions.map((question) => (
        <button
          key={question}
          type="button"
          className="question"
          disabled={asking !== null}
          aria-busy={asking === question}
          onClick={() => void ask(question)}
        >
          {question}
        </button>
      ))}
    </div>
  );
}
