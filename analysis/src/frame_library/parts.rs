//! The pieces of a frame's text: name, file, shared object, and marks of profilers.

/// What is written in one frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// The name without place, marks and offset; may be empty.
    pub(super) symbol: String,
    /// A source file, or whatever path stands where one is expected.
    pub(super) file: Option<String>,
    /// A shared object, jar or module.
    pub(super) object: Option<String>,
    /// It is marked as the kernel's.
    pub(super) is_kernel: bool,
}

/// What V8 puts before names of compiled functions (`--perf-basic-prof`).
const V8_KINDS: [&str; 8] =
    ["LazyCompile:", "JS:", "Function:", "Script:", "Eval:", "BytecodeHandler:", "Builtin:", "RegExp:"];

impl Parts {
    pub(super) fn of(frame: &str, file: Option<&str>) -> Self {
        let mut parts = Self { file: file.map(without_line), ..Self::default() };
        // Marks as stackcollapse-perf sets them: kernel, compiled at run time, inlined.
        let (mut text, mark) = match ["_[k]", "_[j]", "_[i]"].iter().find(|mark| frame.ends_with(**mark)) {
            Some(mark) => (frame.trim_end_matches(*mark), *mark),
            None => (frame, ""),
        };
        parts.is_kernel = mark == "_[k]";
        if let Some(module) = text.strip_prefix('[').and_then(|it| it.split(']').next()) {
            let is_whole = text.len() <= module.len() + 2 || text.contains("]+");
            if is_whole {
                let module = module.split("+0x").next().unwrap_or_default();
                parts.is_kernel |= is_kernel_object(module);
                parts.object = (module != "unknown" && !module.is_empty()).then(|| module.to_owned());
                return parts;
            }
        }
        if let Some((before, place)) = text.strip_suffix(')').and_then(|it| it.rsplit_once(" (")) {
            parts.is_kernel |= is_kernel_object(place.trim_matches(['[', ']']));
            if parts.place(place) {
                text = before;
            }
        }
        if let Some((object, symbol)) = text.split_once('`') {
            parts.is_kernel |= is_kernel_object(object);
            parts.object.get_or_insert_with(|| object.to_owned());
            text = symbol;
        }
        text = V8_KINDS.iter().find_map(|kind| text.strip_prefix(kind)).unwrap_or(text);
        text = text.trim_start_matches(['*', '~', '^']);
        // CPython's perf trampoline writes `py::name:file`.
        if let Some((name, file)) = text.strip_prefix("py::").and_then(|it| it.split_once(':')) {
            parts.file = Some(without_line(file));
            text = name;
        } else if let Some((name, file)) = text.split_once(' ').filter(|(_, it)| is_source(it)) {
            parts.file = Some(without_line(file.trim_start_matches("file://")));
            text = name;
        } else if let Some((file, name)) = text.rsplit_once(".py:").filter(|(file, _)| file.contains('/')) {
            parts.file = Some(format!("{file}.py"));
            text = if name.bytes().all(|byte| byte.is_ascii_digit()) { "" } else { name };
        } else if is_source(text) && text.starts_with('/') {
            parts.file = Some(without_line(text));
            text = "";
        }
        parts.symbol = java_name(without_offset(text));
        parts
    }

    /// Takes what stands in parentheses after a name; tells whether it was a place.
    fn place(&mut self, place: &str) -> bool {
        let place = place.trim_matches(['[', ']', '~']).trim_start_matches("file://");
        let is_object = [".so", ".jar", ".ko", ".dylib", ".dll"].iter().any(|it| place.contains(it));
        match place {
            "" => false,
            _ if is_source(place) => {
                self.file = Some(without_line(place));
                true
            }
            _ if is_object || place.starts_with('/') || is_kernel_object(place) => {
                self.object = Some(place.to_owned());
                true
            }
            _ => false,
        }
    }
}

fn is_kernel_object(object: &str) -> bool {
    object.starts_with("kernel")
        || object.starts_with("vmlinux")
        || object.ends_with(".ko")
        || object == "guest.kernel"
}

/// Tells whether a text names a source file, perhaps with line and column.
fn is_source(text: &str) -> bool {
    let file = without_line(text);
    let is_file = [".py", ".js", ".mjs", ".cjs", ".ts", ".go", ".rs", ".java", ".c", ".cc", ".cpp", ".h"]
        .iter()
        .any(|end| file.ends_with(end));
    (is_file && !file.contains(' ')) || file.starts_with("node:") || file.starts_with("<frozen ")
}

/// Cuts line and column off a path: `a.js:95:5`.
fn without_line(path: &str) -> String {
    let mut path = path.trim();
    while let Some((before, number)) = path.rsplit_once(':') {
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        path = before;
    }
    path.to_owned()
}

fn without_offset(text: &str) -> &str {
    match text.rsplit_once("+0x") {
        Some((name, offset)) if offset.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => text.trim(),
    }
}

/// Writes a name of the Java machine as Java does: `Ljava/util/HashMap;::get` becomes `java.util.HashMap.get`. Others stay.
fn java_name(text: &str) -> String {
    if let Some((class, method)) = text
        .strip_prefix('L')
        .and_then(|it| it.split_once(";::").or_else(|| it.split_once(":::")).or_else(|| it.split_once(";.")))
    {
        return format!("{}.{method}", class.replace('/', "."));
    }
    // `java.base@17.0.1/java.util.HashMap.get`: module and version stand before.
    if let Some((module, name)) = text.split_once('/').filter(|(module, _)| module.contains('@')) {
        let is_module = module.starts_with("java.") || module.starts_with("jdk.");
        return if is_module { name.to_owned() } else { text.to_owned() };
    }
    // async-profiler writes `java/util/HashMap.get`: slashes, then a class with a capital.
    let last = text.rsplit('/').next().unwrap_or_default();
    let is_class = last.starts_with(|it: char| it.is_ascii_uppercase()) && last.contains('.');
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._$<>".contains(&byte));
    if text.contains('/') && is_class && is_plain {
        return text.replace('/', ".");
    }
    text.to_owned()
}
