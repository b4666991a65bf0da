"""Django's entry of the app."""

from django.apps import AppConfig


class ImageryConfig(AppConfig):
    """Pictures that models make."""

    name = "imagery"
    verbose_name = "Images"

    def ready(self) -> None:
        """Add the images to what a person takes along, and their files to what goes with an account."""
        from imagery.leaving import files_of, forget_files, images_of
        from wisqu.accounts import erasure, exports

        exports.register("images", images_of)
        exports.register_files("images", files_of)
        erasure.first(forget_files)
