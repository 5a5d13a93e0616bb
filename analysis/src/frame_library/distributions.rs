//! Libraries that are imported or linked by another name than the one they are published and documented under.

/// Name in frames, name of what is published.
///
/// Python's are those whose distributions on PyPI list the first under `top_level.txt` or as their only package; shared objects are
/// those of the projects' own builds.
const DISTRIBUTIONS: [(&str, &str); 31] = [
    ("attr", "attrs"),
    ("bs4", "beautifulsoup4"),
    ("Crypto", "pycryptodome"),
    ("cv2", "opencv-python"),
    ("dateutil", "python-dateutil"),
    ("dotenv", "python-dotenv"),
    ("fitz", "PyMuPDF"),
    ("git", "GitPython"),
    ("google.protobuf", "protobuf"),
    ("grpc", "grpcio"),
    ("jwt", "PyJWT"),
    ("kafka", "kafka-python"),
    ("ldap", "python-ldap"),
    ("libcrypto", "openssl"),
    ("libcurl", "curl"),
    ("libpq", "postgresql"),
    ("libssl", "openssl"),
    ("libz", "zlib"),
    ("libzstd", "zstd"),
    ("magic", "python-magic"),
    ("MySQLdb", "mysqlclient"),
    ("multipart", "python-multipart"),
    ("OpenSSL", "pyOpenSSL"),
    ("PIL", "Pillow"),
    ("pkg_resources", "setuptools"),
    ("psycopg2", "psycopg2-binary"),
    ("serial", "pyserial"),
    ("skimage", "scikit-image"),
    ("sklearn", "scikit-learn"),
    ("yaml", "PyYAML"),
    ("zmq", "pyzmq"),
];

/// Returns the name under which a library of a frame is published, where it is another one and known.
pub fn distribution(package: &str) -> Option<&'static str> {
    let known = DISTRIBUTIONS.iter().find(|(imported, _)| *imported == package);
    known.map(|(_, published)| *published).filter(|published| *published != package)
}
