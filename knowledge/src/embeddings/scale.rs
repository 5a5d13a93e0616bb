//! What a cosine means to a model: one calls two strangers 0.1 alike, another 0.6.

use waggle_agent_core::Result;

use super::Embeddings;

/// Points on a model's own scale of cosines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// What two strangers have on average.
    pub strangers: f64,
    /// Up to here a question and a passage have nothing to do with each other.
    pub unrelated: f64,
    /// From here a passage speaks of what was asked, whatever its words.
    pub alike: f64,
}

/// Questions with a sentence that answers each, in both languages, about things that have nothing to do with each other.
const PAIRS: [(&str, &str); 12] = [
    ("How do I restart the mail server?", "The mail daemon is started again with the service command."),
    ("When was the old bridge built?", "Construction of the bridge over the river ended in 1890."),
    (
        "Why is the queue of orders growing?",
        "Orders pile up when the workers that take them off are too slow.",
    ),
    ("What do bees eat in winter?", "In the cold months the colony lives on honey that it has stored."),
    ("Which port does the database listen on?", "The database takes connections on port 5432 by default."),
    ("Who composed this symphony?", "The symphony was written by a young composer from Vienna."),
    ("磁盘满了怎么办？", "磁盘空间不足时，先删除旧日志，再扩大卷的容量。"),
    ("谁赢得了去年的比赛？", "去年的冠军是来自南方的球队。"),
    ("证书什么时候过期？", "TLS 证书的有效期为九十天，到期前必须更新。"),
    ("How much rain falls in spring?", "春季的平均降雨量约为两百毫米。"),
    ("为什么支付接口返回超时？", "Payments time out when the connection pool of the gateway is used up."),
    ("How long does the train to the coast take?", "开往海边的列车大约需要三个小时。"),
];

/// Where `unrelated` and `alike` lie between strangers (0) and a question with its answer (1). Measured with one model on
/// questions whose passages are known and on questions that no passage answers; `make bench-knowledge` prints both.
const UNRELATED: f64 = 0.25;
const ALIKE: f64 = 0.6;

impl Scale {
    /// Measures it: embeds a dozen questions with their answers and looks how far those are from the strangers.
    ///
    /// # Errors
    ///
    /// What the model answers.
    pub async fn of(model: &dyn Embeddings) -> Result<Self> {
        let texts = |pick: fn(&(&str, &str)) -> String| PAIRS.iter().map(pick).collect::<Vec<_>>();
        let questions = model.embed(&texts(|pair| pair.0.to_owned())).await?;
        let answers = model.embed(&texts(|pair| pair.1.to_owned())).await?;
        let (mut own, mut strange) = (Vec::new(), Vec::new());
        for (i, question) in questions.iter().enumerate() {
            for (k, answer) in answers.iter().enumerate() {
                let cosines = if i == k { &mut own } else { &mut strange };
                cosines.push(cosine(question, answer));
            }
        }
        let (strange, own) = (mean(&strange), mean(&own));
        let at = |share: f64| strange + share * (own - strange);
        Ok(Self { strangers: strange, unrelated: at(UNRELATED), alike: at(ALIKE) })
    }

    /// How far a cosine goes from what strangers have (0) to sameness (1).
    pub fn share(&self, cosine: f64) -> f64 {
        let span = 1.0 - self.strangers;
        if span > 0.0 { ((cosine - self.strangers) / span).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// How far a cosine goes from unrelated (0) to alike (1 and more); never less than zero. Zero throughout for a model that does not tell them apart.
    pub fn place(&self, cosine: f64) -> f64 {
        let span = self.alike - self.unrelated;
        if span > 0.0 { ((cosine - self.unrelated) / span).max(0.0) } else { 0.0 }
    }
}

/// Returns the cosine of two vectors of length one.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn mean(numbers: &[f64]) -> f64 {
    if numbers.is_empty() { 0.0 } else { numbers.iter().sum::<f64>() / numbers.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::Scale;

    #[test]
    fn a_model_that_tells_nothing_apart_vouches_for_nothing() {
        let scale = Scale { strangers: 0.05, unrelated: 0.15, alike: 0.35 };
        let places = [-1.0, 0.15, 0.25, 0.35, 0.55].map(|cosine| (scale.place(cosine) * 10.0).round());
        assert_eq!(places, [0.0, 0.0, 5.0, 10.0, 20.0]);
        let blind = Scale { strangers: 1.0, unrelated: 1.0, alike: 1.0 };
        assert_eq!((blind.place(1.0), blind.share(1.0)), (0.0, 0.0));
    }
}
