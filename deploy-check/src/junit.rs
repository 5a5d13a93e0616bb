//! The answer as a JUnit test report: one test case for each measure of each endpoint.

use quick_junit::{NonSuccessKind, Report as Suites, TestCase, TestCaseStatus, TestSuite};
use waggle_agent_core::{Kind, Language, Result};
use waggle_analysis::deploy::Verdict;

use crate::{
    Report,
    report::Row,
    words::{change, measure, value, value_or_dash},
};

/// Writes the answer as JUnit XML: what is worse is a failure, what cannot be told is skipped.
///
/// # Errors
///
/// `Internal` when the XML cannot be written.
pub fn junit(report: &Report) -> Result<String> {
    let mut suite = TestSuite::new(format!("check-deploy {}", report.service));
    for row in &report.measures {
        let mut case = TestCase::new(measure(row.measure, Language::En), status(row));
        case.set_classname(format!("{}.{}", report.service, row.endpoint.as_deref().unwrap_or("all")));
        suite.add_test_case(case);
    }
    let mut suites = Suites::new("waggle");
    suites.add_test_suite(suite);
    suites.to_string().map_err(|error| Kind::Internal.because("cannot write the report as JUnit XML", error))
}

fn status(row: &Row) -> TestCaseStatus {
    match row.verdict {
        Verdict::NotWorse => TestCaseStatus::success(),
        Verdict::Worse => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("worse").set_message(told(row));
            status
        }
        Verdict::TooLittle => {
            let mut status = TestCaseStatus::skipped();
            let needed = row.needed.map_or_else(
                || "needs a longer baseline".to_owned(),
                |n| format!("needs about {n} more requests"),
            );
            status.set_message(format!("not enough data: {needed}"));
            status
        }
    }
}

/// Says in one line how a measure changed.
pub(crate) fn told(row: &Row) -> String {
    let aspect = row.measure;
    format!(
        "{} {} → {} ({}), plausibly {} … {}",
        measure(aspect, Language::En),
        value(aspect, row.before),
        value_or_dash(aspect, row.after),
        change(row, Language::En),
        value_or_dash(aspect, row.low),
        value_or_dash(aspect, row.high)
    )
}
