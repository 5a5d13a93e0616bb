//! A tiny model of the same make, and its arithmetic once more as plain sums. For tests.

use std::io::{Cursor, Write};

use zip::{ZipWriter, write::SimpleFileOptions};

/// Numbers of a word, of a branch, of the mixing, of the layers within the head.
const WORD: usize = 4;
const BRANCH: usize = 3;
const MIXED: usize = 6;
const INNER: usize = 5;
const N_TOKENS: usize = 9;
const N_SHARES: usize = 3;
const EPSILON: f64 = 1e-12;

/// An array before it is written.
#[derive(Clone)]
pub(super) struct Array {
    pub(super) name: String,
    pub(super) element: &'static str,
    /// As Python writes it, without the brackets.
    pub(super) shape: String,
    pub(super) values: Vec<f64>,
}

/// Returns all arrays of a small network, with numbers that look random and are always the same.
pub(super) fn arrays() -> Vec<Array> {
    let mut state = 7_u64;
    let mut next = move || {
        // The constants of MMIX: Knuth, "The Art of Computer Programming", volume 2, section 3.3.4.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from((state >> 40) as u32) / f64::from(1_u32 << 24) - 0.5
    };
    let mut arrays = Vec::new();
    for share in 1..=N_SHARES {
        let values = (0..N_TOKENS / N_SHARES * WORD).map(|_| ((next() + 0.5) * 63.0).round()).collect();
        let shape = format!("{}, {WORD}", N_TOKENS / N_SHARES);
        arrays.push(Array { name: format!("q{share}"), element: "|u1", shape, values });
    }
    let features = WORD + 3 * BRANCH;
    let mut tables = vec![
        ("cnn_W".to_owned(), features, MIXED),
        ("d0".to_owned(), MIXED, INNER),
        ("d1".to_owned(), INNER, INNER),
        ("p1".to_owned(), MIXED, INNER),
        ("d2".to_owned(), INNER, MIXED),
        ("d3".to_owned(), MIXED, MIXED),
        ("p3".to_owned(), INNER, MIXED),
    ];
    let mut rows = vec![
        ("scale".to_owned(), N_SHARES),
        ("lo".to_owned(), N_SHARES),
        ("ln_g".to_owned(), features),
        ("ln_b".to_owned(), features),
        ("cnn_b".to_owned(), MIXED),
    ];
    for width in [2, 3, 5] {
        tables.push((format!("proj{width}"), WORD, BRANCH));
        tables.extend(["w1", "w2"].map(|name| (format!("{name}_{width}"), width * BRANCH, BRANCH)));
        rows.extend(["proj_b", "ln_g", "ln_b", "b1_", "b2_"].map(|name| (format!("{name}{width}"), BRANCH)));
    }
    for (name, n, m) in tables {
        let values = (0..n * m).map(|_| next()).collect();
        arrays.push(Array { name, element: "<f4", shape: format!("{n}, {m}"), values });
    }
    for (name, n) in rows {
        let values = (0..n).map(|_| next()).collect();
        arrays.push(Array { name, element: "<f4", shape: format!("{n},"), values });
    }
    arrays.push(Array {
        name: "eps".to_owned(),
        element: "<f8",
        shape: String::new(),
        values: vec![EPSILON],
    });
    arrays
}

/// Writes arrays as NumPy does.
pub(super) fn archive(arrays: &[Array]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for array in arrays {
        let content: Vec<u8> = match array.element {
            "|u1" => array.values.iter().map(|value| *value as u8).collect(),
            "<f4" => array.values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect(),
            _ => array.values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        };
        zip.start_file(format!("{}.npy", array.name), SimpleFileOptions::default()).unwrap();
        zip.write_all(&npy(array.element, &array.shape, &content)).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Writes one array as NumPy does.
pub(super) fn npy(element: &str, shape: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("{{'descr': '{element}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let n = u16::try_from(head.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &n, head.as_bytes(), content].concat()
}

/// Writes a SentencePiece model of nine pieces:
/// <https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto>.
pub(super) fn sentence_piece() -> Vec<u8> {
    let pieces: [(&str, f32, u8); N_TOKENS] = [
        ("<unk>", 0.0, 2),
        ("<s>", 0.0, 3),
        ("</s>", 0.0, 3),
        ("▁bee", -1.0, 1),
        ("▁be", -2.0, 1),
        ("s", -3.0, 1),
        ("▁蜜", -4.0, 1),
        ("蜂", -4.5, 1),
        ("▁", -6.0, 1),
    ];
    let field = |number: u8, content: &[u8]| {
        [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
    };
    let mut model = Vec::new();
    for (text, score, kind) in pieces {
        let score = score.to_le_bytes();
        model.extend(field(
            1,
            &[&field(1, text.as_bytes()), [2 << 3 | 5].as_slice(), &score, &[3 << 3, kind]].concat(),
        ));
    }
    // A trainer's message without fields means a unigram model and the usual special tokens.
    model.extend(field(2, &[]));
    model.extend(field(3, &field(1, b"nmt_nfkc")));
    model
}

/// Returns the vector of a text by the sums as the papers write them, in double precision and without any order of rows.
pub(super) fn plain_vector(arrays: &[Array], tokens: &[usize]) -> Vec<f64> {
    let row = |name: &str| arrays.iter().find(|array| array.name == name).unwrap().values.clone();
    if tokens.is_empty() {
        return vec![0.0; MIXED];
    }
    let product = |vector: &[f64], name: &str| {
        let weights = row(name);
        let n = weights.len() / vector.len();
        let column =
            |at: usize| vector.iter().enumerate().map(|(i, value)| value * weights[i * n + at]).sum();
        (0..n).map(column).collect::<Vec<f64>>()
    };
    let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<_>>();
    let cut = |a: &[f64]| a.iter().map(|a| a.max(0.0)).collect::<Vec<_>>();
    let norm = |a: &[f64], gain: &[f64], bias: &[f64]| {
        let mean = a.iter().sum::<f64>() / a.len() as f64;
        let variance = a.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / a.len() as f64;
        let centred = a.iter().map(|a| (a - mean) / (variance + EPSILON).sqrt());
        let scaled: Vec<_> = centred.zip(gain).map(|(a, gain)| a * gain).collect();
        sum(&scaled, bias)
    };
    let of_all = |name: &str| [2, 3, 5].map(|width| row(&format!("{name}{width}"))).concat();
    let project = |word: &Vec<f64>| {
        let parts = [2, 3, 5].map(|width| product(word, &format!("proj{width}"))).concat();
        norm(&sum(&parts, &of_all("proj_b")), &of_all("ln_g"), &of_all("ln_b"))
    };
    let word = |token: usize| {
        let (share, at) = (token % N_SHARES, token / N_SHARES * WORD);
        let steps = row(&format!("q{}", share + 1));
        steps[at..at + WORD]
            .iter()
            .map(|step| step * row("scale")[share] + row("lo")[share])
            .collect::<Vec<_>>()
    };
    let words: Vec<_> = tokens.iter().map(|token| word(*token)).collect();
    let mut features = words.clone();
    for (width, n_left, at) in [(2, 0, 0), (3, 1, BRANCH), (5, 2_usize, 2 * BRANCH)] {
        let layer = |inputs: &[Vec<f64>], number: usize| {
            let at = |place: usize| {
                let seen = (0..width).flat_map(|slot| {
                    let seen = (place + slot).checked_sub(n_left).and_then(|seen| inputs.get(seen));
                    seen.cloned().unwrap_or_else(|| vec![0.0; BRANCH])
                });
                let seen: Vec<f64> = seen.collect();
                let weighted = product(&seen, &format!("w{number}_{width}"));
                sum(&cut(&sum(&weighted, &row(&format!("b{number}_{width}")))), &inputs[place])
            };
            (0..inputs.len()).map(at).collect::<Vec<_>>()
        };
        let projected: Vec<_> = words.iter().map(|word| project(word)[at..at + BRANCH].to_vec()).collect();
        let seen = layer(&layer(&projected, 1), 2);
        features.iter_mut().zip(seen).for_each(|(features, seen)| features.extend(seen));
    }
    let mixed = features
        .iter()
        .map(|token| sum(&product(&norm(token, &row("ln_g"), &row("ln_b")), "cnn_W"), &row("cnn_b")));
    let total = mixed.reduce(|a, b| sum(&a, &b)).unwrap();
    let mean: Vec<f64> = total.iter().map(|value| value / (tokens.len() as f64).sqrt()).collect();
    let block = |input: &[f64], [inner, outer, shortcut]: [&str; 3]| {
        sum(&product(&cut(&product(input, inner)), outer), &product(input, shortcut))
    };
    let between = cut(&block(&mean, ["d0", "d1", "p1"]));
    let vector: Vec<f64> = block(&between, ["d2", "d3", "p3"]).iter().map(|value| value.tanh()).collect();
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    vector.iter().map(|value| value / length).collect()
}
