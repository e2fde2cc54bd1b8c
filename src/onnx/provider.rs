// SPDX-License-Identifier: MPL-2.0
//! [`Provider`]: what a graph is computed by.

use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};

use super::{Runtime, SessionError};

/// What ONNX Runtime computes a graph with. Which of them a library has was decided when it was
/// built; whether the machine has the hardware shows when a graph is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    /// The processor. Always there.
    #[default]
    Cpu,
    /// NVIDIA's graphics cards.
    Cuda,
    /// NVIDIA's graphics cards, by TensorRT; its first load takes long.
    TensorRt,
    /// Intel's processors, graphics and NPUs.
    OpenVino,
    /// AMD's graphics cards.
    MiGraphX,
    /// Apple's.
    CoreMl,
    /// The processor, by XNNPACK: made for ARM.
    Xnnpack,
}

impl Provider {
    /// All that can be asked for.
    pub const ALL: [Self; 7] = [
        Self::Cpu,
        Self::Cuda,
        Self::TensorRt,
        Self::OpenVino,
        Self::MiGraphX,
        Self::CoreMl,
        Self::Xnnpack,
    ];

    /// Its name: lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::OpenVino => "openvino",
            Self::MiGraphX => "migraphx",
            Self::CoreMl => "coreml",
            Self::Xnnpack => "xnnpack",
        }
    }

    /// Whether the runtime was built with it.
    pub fn is_available(self, _: &Runtime) -> bool {
        let asked = match self {
            Self::Cpu => Ok(true),
            Self::Cuda => ep::CUDA::is_available(),
            Self::TensorRt => ep::TensorRT::is_available(),
            Self::OpenVino => ep::OpenVINO::is_available(),
            Self::MiGraphX => ep::MIGraphX::is_available(),
            Self::CoreMl => ep::CoreML::is_available(),
            Self::Xnnpack => ep::XNNPACK::is_available(),
        };
        asked.unwrap_or(false)
    }

    /// Whether graphs can be computed with it.
    ///
    /// # Errors
    /// That the runtime was built without it, or what it says.
    pub fn check(self, runtime: &Runtime) -> Result<(), SessionError> {
        if !self.is_available(runtime) {
            let name = self.name();
            return Err(SessionError(format!("there is no `{name}`")));
        }
        if let Some(dispatch) = self.dispatch() {
            let builder = ort::session::Session::builder(runtime.environment())?;
            builder.with_execution_providers([dispatch])?;
        }
        Ok(())
    }

    /// What is to be registered for it; nothing for the processor, which is there anyway. A
    /// graph does not load where it fails: to compute on the processor instead, unasked, would
    /// hide it.
    pub(super) fn dispatch(self) -> Option<ExecutionProviderDispatch> {
        let dispatch = match self {
            Self::Cpu => return None,
            Self::Cuda => ep::CUDA::default().build(),
            Self::TensorRt => ep::TensorRT::default().build(),
            Self::OpenVino => ep::OpenVINO::default().build(),
            Self::MiGraphX => ep::MIGraphX::default().build(),
            Self::CoreMl => ep::CoreML::default().build(),
            Self::Xnnpack => ep::XNNPACK::default().build(),
        };
        Some(dispatch.error_on_failure())
    }
}
